import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDeployment } from '../../../gateway/store/deployment.ts'
import { openAndClose, temporaryDirectory } from './open-for-test.ts'

test('a deployment keeps its name as long as its store, and another has another', async () => {
  const folder = temporaryDirectory()
  const url = (file: string) => `sqlite:${join(folder, file)}`
  const first = await openAndClose(url('one.db'))
  const names = await Promise.all([readDeployment(first), readDeployment(first)])
  expect(names[0]).toMatch(/^[0-9a-f]{12}$/)
  await first.close()
  expect(names).toEqual([names[0], await readDeployment(await openAndClose(url('one.db')))])
  expect(await readDeployment(await openAndClose(url('other.db')))).not.toBe(names[0])
})
