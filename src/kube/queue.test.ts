import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createQueue, type QueueOptions } from './queue.ts'
import { settle, VirtualClock } from './virtual-clock.testkit.ts'

function queueOf(options: Partial<QueueOptions> = {}) {
  const clock = new VirtualClock()
  const done: string[] = []
  const errors: string[] = []
  const queue = createQueue({
    clock,
    random: () => 1,
    process: (key) => {
      done.push(key)
      return Promise.resolve()
    },
    onError: (key, error, retryInMs) => errors.push(`${key} ${(error as Error).message} ${retryInMs}`),
    ...options,
  })
  return { queue, clock, done, errors }
}

describe('the work queue', () => {
  it('works once on a key that was added many times', async () => {
    const { queue, done } = queueOf({ concurrency: 1 })
    queue.add('a')
    for (let index = 0; index < 5; index += 1) queue.add('b')
    await settle()
    expect(done).toEqual(['a', 'b'])
  })

  it('works again on a key that was added while it was worked on, not at the same time', async () => {
    const steps: string[] = []
    const gates: (() => void)[] = []
    const { queue } = queueOf({
      process: async () => {
        steps.push('begin')
        await new Promise<void>((resolve) => gates.push(resolve))
        steps.push('end')
      },
    })
    queue.add('a')
    await settle()
    queue.add('a')
    queue.add('a')
    await settle()
    expect(steps).toEqual(['begin'])
    gates[0]?.()
    await settle()
    expect(steps).toEqual(['begin', 'end', 'begin'])
    gates[1]?.()
    await settle()
    expect(queue.size()).toBe(0)
  })

  it('tries failed work again, later each time, and starts afresh after success', async () => {
    let failures = 3
    const { queue, clock, errors } = queueOf({
      process: () => (failures-- > 0 ? Promise.reject(new Error('no')) : Promise.resolve()),
      retryMs: { base: 100, max: 300 },
    })
    queue.add('a')
    await clock.advance(1_000)
    expect(errors).toEqual(['a no 100', 'a no 200', 'a no 300'])
    failures = 1
    queue.add('a')
    await clock.advance(1_000)
    expect(errors.at(-1)).toBe('a no 100')
    expect(queue.size()).toBe(0)
  })

  it('comes back when the work asks for it', async () => {
    let rounds = 0
    const { queue, clock } = queueOf({ process: () => Promise.resolve((rounds += 1) < 3 ? { afterMs: 1_000 } : undefined) })
    queue.add('a')
    await clock.advance(999)
    expect(rounds).toBe(1)
    await clock.advance(1)
    expect(rounds).toBe(2)
    await clock.advance(10_000)
    expect(rounds).toBe(3)
  })

  it('keeps the earliest of several delays', async () => {
    const { queue, clock, done } = queueOf()
    queue.addAfter('a', 500)
    queue.addAfter('a', 100)
    queue.addAfter('a', 900)
    await clock.advance(100)
    expect(done).toEqual(['a'])
    await clock.advance(2_000)
    expect(done).toEqual(['a'])
  })

  it('does not forget a delay because the key was worked on before', async () => {
    const { queue, clock, done } = queueOf()
    queue.addAfter('a', 500)
    queue.add('a')
    await clock.advance(500)
    expect(done).toEqual(['a', 'a'])
  })

  it('refuses new keys when it is full, not those that it has', async () => {
    const { queue } = queueOf({ maxKeys: 1, process: () => new Promise(() => undefined) })
    expect(queue.add('a')).toBe(true)
    expect(queue.add('b')).toBe(false)
    expect(queue.addAfter('b', 10)).toBe(false)
    expect(queue.add('a')).toBe(true)
  })

  it('tells work that takes too long', async () => {
    let isAborted = false
    const { queue, clock } = queueOf({
      timeoutMs: 1_000,
      process: async (_key, signal) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        isAborted = true
      },
    })
    queue.add('a')
    await clock.advance(1_000)
    expect(isAborted).toBe(true)
    expect(queue.size()).toBe(0)
  })

  it('stops: tells what runs, waits for its end, takes nothing more', async () => {
    const ended: string[] = []
    const { queue, clock, done } = queueOf({
      concurrency: 1,
      process: async (key, signal) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        ended.push(key)
      },
    })
    queue.add('a')
    queue.add('b')
    queue.addAfter('c', 10)
    await settle()
    await queue.stop()
    await clock.advance(1_000)
    expect(ended).toEqual(['a'])
    expect(done).toEqual([])
    expect(queue.add('d')).toBe(false)
    expect(clock.pending).toBe(0)
  })

  it('for any history: never two at a time for one key, never more than allowed, and no key is forgotten', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), delayMs: fc.nat(50), fails: fc.boolean(), takesMs: fc.nat(30), waitMs: fc.nat(20) }), { maxLength: 15 }),
        async (steps) => {
          const clock = new VirtualClock()
          const running = new Set<string>()
          const startedAt = new Set<string>()
          let plan = { fails: false, takesMs: 0 }
          const queue = createQueue({
            clock,
            concurrency: 2,
            retryMs: { base: 10, max: 40 },
            process: async (key) => {
              expect(running.has(key)).toBe(false)
              running.add(key)
              expect(running.size).toBeLessThanOrEqual(2)
              startedAt.add(key)
              const { fails, takesMs } = plan
              plan = { fails: false, takesMs }
              await new Promise<void>((resolve) => void clock.after(takesMs, resolve))
              running.delete(key)
              if (fails) throw new Error('planned')
            },
          })
          const added = new Set<string>()
          for (const step of steps) {
            plan = step
            queue.addAfter(step.key, step.delayMs)
            added.add(step.key)
            await clock.advance(step.waitMs)
          }
          await clock.advance(10_000)
          expect(queue.size()).toBe(0)
          expect(startedAt).toEqual(added)
        },
      ),
      { numRuns: 30 },
    ))
})
