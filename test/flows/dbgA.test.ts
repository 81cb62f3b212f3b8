import { test } from 'vitest'
import { silentWorld } from './reading.ts'
test('x', async () => {
  const world = await silentWorld({ business: { customers: 60 } })
  console.log(JSON.stringify(await world.ask(`{ customer(id: "161") { id name phone } w: customer(id: "150") { id name links { record { id system } evidence } } customers(first: 1) { totalCount } }`)))
  console.log(JSON.stringify(world.tools.hubspot.contact('150')), world.tools.hubspot.contact('161')?.id)
  console.log(JSON.stringify(await world.gateway.runtime.store.read(db => db.selectFrom('links').selectAll().where('evidence','=','merged').execute())))
  console.log(JSON.stringify(await world.gateway.runtime.store.read(db => db.selectFrom('records').selectAll().where('record_id','in',['150', '161']).execute())))
}, 20000)
