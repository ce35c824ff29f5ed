import test from 'ava'
import fc from 'fast-check'
import { parseData, writeDataHeader } from '../../wire/data-message.ts'
import { dataBytesMax, dataHeaderBytes } from '../../wire/limits.ts'
import { encodeMessage, parseAgentMessage, parseNodeMessage } from '../../wire/messages.ts'
import { ChannelReceiver } from '../../wire/receiver.ts'
import { ChannelSender } from '../../wire/sender.ts'
import { WireError } from '../../wire/wire-error.ts'
import { facts, sampleId } from '../helpers/sample-stream.ts'

test('a data message comes back, whatever its channel and offset', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.maxSafeNat(),
      fc.uint8Array({ minLength: 1, maxLength: 50 }),
      (channel, offset, bytes) => {
        const message = new Uint8Array(dataHeaderBytes + bytes.length)
        message.set(bytes, dataHeaderBytes)
        writeDataHeader(message, channel, offset)
        t.deepEqual(parseData(message), { channel, offset, bytes })
      },
    ),
  )
})

test('control messages come back; anything else is refused with the code message', (t) => {
  const open = {
    type: 'open',
    channel: 1,
    recording: sampleId(),
    stream: 'cast',
    acked: 0,
    oldest: 0,
    facts,
  } as const
  t.deepEqual(parseAgentMessage(encodeMessage(open)), open)
  const acks = { type: 'acks', acks: [[1, 2, 3] as [number, number, number]] } as const
  t.deepEqual(parseNodeMessage(JSON.stringify(acks)), acks as never)
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.string(),
        fc.json().map((json) => `{"type":"open","channel":${json}}`),
      ),
      (text) => {
        try {
          parseAgentMessage(text)
        } catch (error) {
          t.true(error instanceof WireError && error.code === 'message')
        }
      },
    ),
  )
  for (const recording of ['..', '../../x', sampleId().toUpperCase(), `${sampleId()}\n`])
    t.throws(() => parseAgentMessage(JSON.stringify({ ...open, recording })), { code: 'message' })
})

test('sender and receiver agree, however acks, losses and reopenings fall', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 200 }),
      fc.nat(5_000),
      (steps, size) => {
        const stream = new Uint8Array(size).map((_, i) => i)
        const got = new Uint8Array(size)
        const sender = new ChannelSender(0)
        let receiver = new ChannelReceiver(0)
        let durable = 0
        const reopen = () => {
          receiver = new ChannelReceiver(durable)
          sender.opened(durable, receiver.grant(700))
        }
        reopen()
        for (const step of [...steps, ...Array.from({ length: 100 }, () => [5, 0]).flat()]) {
          if (step === 9) reopen()
          else if (step === 0) {
            durable = receiver.next
            receiver.ack(durable)
            sender.ack(durable, receiver.grant(700))
          } else {
            const bytes = Math.min(sender.sendable(size), step * 37)
            if (bytes === 0) continue
            const at = receiver.next
            got.set(receiver.accept(sender.next, stream.subarray(sender.next, sender.next + bytes)), at)
            sender.sent(bytes)
          }
        }
        t.is(durable, size)
        t.deepEqual(got, stream)
      },
    ),
    { numRuns: 50 },
  )
})

test('a receiver passes over what it has, and refuses holes and more than its credit', (t) => {
  const receiver = new ChannelReceiver(10)
  receiver.grant(20)
  t.is(receiver.accept(10, new Uint8Array(5)).length, 5)
  t.is(receiver.accept(10, new Uint8Array(5)).length, 0)
  t.is(receiver.accept(12, new Uint8Array(5)).length, 2)
  t.throws(() => receiver.accept(18, new Uint8Array(1)), { code: 'offset' })
  t.throws(() => receiver.accept(17, new Uint8Array(14)), { code: 'credit' })
  t.throws(() => parseData(new Uint8Array(dataBytesMax + dataHeaderBytes + 1)), { code: 'data' })
})
