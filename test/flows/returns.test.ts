import { expect, test } from 'vitest'
import { at, listAt } from './reading.ts'
import { startWorld, type Frames, type World } from './world.ts'

/** An order paid by card, as the stand-in has it. */
function paidOrder({ tools: { stripe } }: World) {
  for (const { head, payments } of stripe.snapshot().invoices) {
    const paid = payments.find(({ status }) => status === 'paid')
    const intent = paid?.payment.payment_intent
    if (typeof intent === 'string' && head.status === 'paid') return { id: head.id, intent, amount: head.amount_paid }
  }
  throw new Error('expected an order paid by card')
}

/** The next frame that shows an amount: several events tell of one refund. */
async function shown(frames: Frames, amount: number): Promise<void> {
  for (let frame = 0; frame < 10; frame += 1) {
    const next = await frames.next()
    if (at(next, 'data.orderChanged.order.amountReturned.amount') === amount) return
  }
  throw new Error(`expected a frame with ${amount} returned`)
}

test.each(['snapshot', 'thin'] as const)(
  'refunds, credit notes and disputes are pushed and add up, told of by %s events',
  async stripeEvents => {
    const world = await startWorld({ stripeEvents })
    const { stripe } = world.tools
    const { id, intent, amount } = paidOrder(world)
    const frames = world.subscribe(
      `subscription { orderChanged(id: "${id}") { change { kind } order { amountReturned { amount } } } }`,
    )
    await frames.next()
    const refund = stripe.refund({ payment_intent: intent, amount: 100, reason: 'requested_by_customer' })
    await shown(frames, 100)
    const back = stripe.refund({ payment_intent: intent, amount: 50 })
    await shown(frames, 150)
    stripe.settleRefund(back.id, 'failed')
    await shown(frames, 100)
    const note = stripe.credit({ invoice: id, amount: 30, refund_amount: 10, credit_amount: 20 })
    await shown(frames, 130)
    const dispute = stripe.dispute(id)
    // All of the payment, and what was credited to the balance.
    await shown(frames, amount + 20)
    stripe.closeDispute(dispute.id, 'won')
    await shown(frames, 130)
    await world.settled()
    const data = await world.data(`{ order(id: "${id}") { status returns { id kind status } } }`)
    expect(at(data, 'order.status')).toBe('PAID')
    expect(listAt(data, 'order.returns')).toEqual(
      expect.arrayContaining([
        { id: refund.id, kind: 'REFUND', status: 'DONE' },
        { id: back.id, kind: 'REFUND', status: 'FAILED' },
        { id: note.id, kind: 'CREDIT_NOTE', status: 'DONE' },
        { id: dispute.id, kind: 'DISPUTE', status: 'FAILED' },
      ]),
    )
    expect(await world.data('{ deliveries(state: DEAD) { totalCount } }')).toEqual({
      deliveries: { totalCount: 0 },
    })
  },
)
