import { describe, expect, it } from 'vitest'
import { parseUpMessage } from '../api/codec.ts'
import type { Report } from '../api/protocol.ts'
import { TrafficLedger } from '../metrics/recorder.ts'
import { Reporter } from './reporter.ts'

const start = () => {
  const ledger = new TrafficLedger()
  const book = ledger.open(4)
  const reporter = new Reporter('boot', ledger, 0)
  const serve = (): void => book.record('primary', 'weight', '2xx', 1)
  return { ledger, reporter, serve }
}

/** As the controller reads them. */
const read = (lines: readonly string[]): readonly Report[] =>
  lines.map((line) => {
    expect(line.endsWith('\n')).toBe(true)
    const message = parseUpMessage(line.slice(0, -1))
    if (!message.ok || message.value.type !== 'report') throw new Error(`no report: ${line}`)
    return message.value
  })

describe('the reporter', () => {
  it('numbers reports within its boot, and makes none of nothing', () => {
    const { reporter, serve } = start()
    expect(reporter.endInterval(0)).toEqual([])
    serve()
    expect(read(reporter.endInterval(1000))).toMatchObject([{ bootId: 'boot', seq: 1, generation: 4, ageMs: 0, spanMs: 1000, series: [{ outcomes: { '2xx': 1 } }] }])
    expect(read([reporter.emptyReport(4)])[0]).toMatchObject({ seq: 2, series: [] })
    serve()
    expect(read(reporter.endInterval(2000))).toMatchObject([{ seq: 3, spanMs: 1000 }])
  })

  it('repeats the last five minutes with their age', () => {
    const { reporter, serve } = start()
    for (const now of [0, 100_000, 200_000]) {
      serve()
      reporter.endInterval(now)
    }
    expect(read(reporter.replay(350_000)).map(({ seq, ageMs }) => [seq, ageMs])).toEqual([[2, 250_000], [3, 150_000]])
    expect(reporter.replay(900_000)).toEqual([])
  })

  it('keeps a bounded number of them', () => {
    const { reporter, serve } = start()
    for (let now = 0; now < 2000; now += 1) {
      serve()
      reporter.endInterval(now)
    }
    const kept = read(reporter.replay(2000))
    expect(kept).toHaveLength(1500)
    expect(kept.at(-1)?.seq).toBe(2000)
  })
})
