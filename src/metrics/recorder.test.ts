import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketOf, mergeHistograms } from '../api/histogram.ts'
import { outcomes, reasons, tracks } from '../api/protocol.ts'
import { renderProxyMetrics, type ProxyReadings } from './proxy.ts'
import { TrafficLedger } from './recorder.ts'
import { expectAddsUp } from './scrape.testkit.ts'

const record = fc.record({
  track: fc.constantFrom(...tracks),
  reason: fc.constantFrom(...reasons),
  outcome: fc.constantFrom(...outcomes),
  latencyMs: fc.double({ min: 0, max: 3_000_000, noNaN: true }),
})

describe('the ledger', () => {
  it('reports every request exactly once, in the buckets of the report’s histogram', () =>
    fc.assert(
      fc.property(fc.array(fc.option(record, { freq: 8, nil: 'end' as const }), { maxLength: 60 }), (steps) => {
        const ledger = new TrafficLedger()
        const book = ledger.open(1)
        const intervals = steps.flatMap((step) => {
          if (step === 'end') return ledger.endInterval()
          book.record(step.track, step.reason, step.outcome, step.latencyMs)
          return []
        })
        intervals.push(...ledger.endInterval())
        const requests = steps.filter((step) => step !== 'end')
        const reported = mergeHistograms(intervals.flatMap(({ series }) => series.map(({ latency }) => latency)))
        expect(reported).toEqual(mergeHistograms(requests.map((request) => [[bucketOf(request.latencyMs * 1000), 1] as const])))
        for (const outcome of outcomes) {
          const counted = intervals.flatMap(({ series }) => series).reduce((sum, series) => sum + (series.outcomes[outcome] ?? 0), 0)
          expect(counted).toBe(requests.filter((request) => request.outcome === outcome).length)
        }
        expect(ledger.series.flatMap((series) => ledger.partsOf(series)).reduce((sum, { total }) => sum + total, 0)).toBe(requests.length)
      }),
    ))

  it('knows each quantile within 1 % of the exact one, over five orders of magnitude', () =>
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 7, noNaN: true }), { minLength: 1, maxLength: 2000 }), fc.constantFrom(0.5, 0.9, 0.99, 0.999, 1), (magnitudes, q) => {
        const ledger = new TrafficLedger()
        const book = ledger.open(1)
        const latenciesUs = magnitudes.map((magnitude) => Math.floor(10 ** magnitude))
        for (const us of latenciesUs) book.record('primary', 'weight', '2xx', us / 1000)
        ledger.endInterval()
        const exact = latenciesUs.toSorted((one, other) => one - other)[Math.max(1, Math.ceil(q * latenciesUs.length - 1e-9)) - 1] ?? 0
        const told = ledger.series[0]?.drained.quantileUs(q) ?? 0
        expect(Math.abs(told - exact)).toBeLessThanOrEqual(1 + exact / 100)
      }),
    ))

  it('keeps generations apart, late requests of an older table included', () => {
    const ledger = new TrafficLedger()
    const old = ledger.open(1)
    old.inFlight = 1
    const young = ledger.open(2)
    young.record('primary', 'weight', '2xx', 5)
    expect(ledger.endInterval().map(({ generation }) => generation)).toEqual([2])
    old.record('canary', 'weight', '5xx', 900)
    old.inFlight = 0
    expect(ledger.endInterval()).toMatchObject([{ generation: 1, series: [{ track: 'canary', outcomes: { '5xx': 1 } }] }])
    expect(ledger.endInterval()).toEqual([])
  })

  it('tells what chance has put where, once each, and nothing at weight 0', () => {
    const ledger = new TrafficLedger()
    const pods = [
      { address: '10.0.0.1', requests: 0, failures: 0, slow: 0 },
      { address: '10.0.0.2', requests: 0, failures: 0, slow: 0 },
    ]
    let failures = 0
    ledger.onFailure = () => (failures += 1)
    const book = ledger.open(1, 5, pods)
    const { draws } = book
    draws.canary.requests += 2
    for (const pod of pods) pod.requests += 1
    const usual = { track: 'canary', route: 'GET /a', isFailure: false, isSlow: false, isAnotherTry: false } as const
    draws.remark({ ...usual, pod: pods[0], isSlow: true })
    draws.remark({ ...usual, pod: pods[1], isFailure: true, isAnotherTry: true })
    draws.repeat('primary', false)
    draws.giveUp({ track: 'primary', pod: undefined, route: 'GET /b' })
    draws.giveUp({ track: 'canary', pod: pods[1], route: undefined })
    const none = { requests: 0, repeats: 0, repeatedFailures: 0, retriedFailures: 0, slow: 0, givenUp: 0 }
    const drawn = {
      weightPercent: 5,
      primary: { ...none, repeats: 1, givenUp: 1 },
      canary: { ...none, requests: 2, retriedFailures: 1, slow: 1, givenUp: 1 },
      pods: [
        { address: '10.0.0.1', requests: 1, failures: 0, slow: 1 },
        { address: '10.0.0.2', requests: 2, failures: 2, slow: 0 },
      ],
      routes: [
        { route: 'GET /a', primary: { failures: 0, slow: 0 }, canary: { failures: 1, slow: 1 } },
        { route: 'GET /b', primary: { failures: 1, slow: 0 }, canary: { failures: 0, slow: 0 } },
      ],
    }
    expect(ledger.endInterval()).toMatchObject([{ generation: 1, drawn }])
    expect(ledger.endInterval()).toEqual([])
    expect(failures).toBe(3)
    book.record('primary', 'weight', '5xx', 1)
    expect(ledger.endInterval(), 'a failure of a request that was drawn before counts at its weight').toMatchObject([{ generation: 1, drawn: { weightPercent: 5, primary: none } }])
    ledger.open(2, 0).record('primary', 'weight', '2xx', 1)
    expect(ledger.endInterval().map((interval) => interval.drawn)).toEqual([undefined])
  })

  it('tells a bounded number of classes of requests apart', () => {
    const ledger = new TrafficLedger()
    const { draws } = ledger.open(1, 5)
    draws.primary.requests += 100
    for (let at = 0; at < 100; at += 1) draws.remark({ track: 'primary', pod: undefined, route: `GET /${at}`, isFailure: true, isSlow: false, isAnotherTry: false })
    const routes = ledger.endInterval()[0]?.drawn?.routes ?? []
    expect(routes).toHaveLength(17)
    expect(routes.at(-1)).toMatchObject({ route: '(other)', primary: { failures: 84 } })
  })

  it('takes for slow what is slower than the primary’s 95th percentile of lately', () => {
    const ledger = new TrafficLedger()
    const book = ledger.open(1, 5)
    expect(book.draws.slowMs).toBe(Number.POSITIVE_INFINITY)
    for (let ms = 1; ms <= 100; ms += 1) book.record('primary', 'weight', '2xx', ms)
    ledger.endInterval()
    expect(book.draws.slowMs).toBeCloseTo(95, 0)
    for (const ms of [300, 2, 2, 2, 2, 2, 2, 2]) {
      for (let at = 0; at < 20_000; at += 1) book.record('primary', 'weight', '2xx', ms)
      ledger.endInterval()
    }
    expect(book.draws.slowMs).toBeLessThan(3)
    expect(ledger.open(2, 10).draws.slowMs).toBe(book.draws.slowMs)
  })

  it('charges aborts and own errors to no track', () => {
    const ledger = new TrafficLedger()
    const book = ledger.open(3)
    book.recordClientAbort()
    book.recordProxyError()
    expect(ledger.endInterval()).toEqual([{ generation: 3, series: [], clientAborted: 1, proxyErrors: 1 }])
    expect(ledger.endInterval()).toEqual([])
  })
})

describe('the scrape', () => {
  const readings = (ledger: TrafficLedger): ProxyReadings => ({
    series: ledger.series,
    partsOf: (series) => ledger.partsOf(series),
    clientAborted: ledger.clientAborted,
    proxyErrors: ledger.proxyErrors,
    refusedRequests: new Map([[400, 2]]),
    generation: 7,
    canaryWeightPercent: 10,
    controllerConnected: true,
    tablesRefused: 1,
    rescuedRequests: 0,
    retriedRequests: 0,
    mirrorsInFlight: 0,
    droppedMirrors: { busy: 1, body: 0 },
    openConnections: 3,
    openTunnels: 0,
    tcpBytes: { primary: { fromClient: 0, fromServer: 0 }, canary: { fromClient: 0, fromServer: 0 } },
  })

  const scrape = (ledger: TrafficLedger): string => [...renderProxyMetrics(readings(ledger))].join('')

  it('shows requests, and their durations under the status that Flagger’s queries ask for', () => {
    const ledger = new TrafficLedger()
    const book = ledger.open(7)
    book.record('primary', 'weight', '2xx', 4)
    book.record('canary', 'weight', '2xx', 40)
    ledger.endInterval()
    book.record('canary', 'weight', 'reset', 400)
    book.record('canary', 'weight', '5xx', 400)
    const text = scrape(ledger)
    for (const line of [
      'kinglet_requests_total{track="canary",reason="weight",outcome="reset",protocol="http1"} 1',
      'kinglet_requests_total{track="primary",reason="weight",outcome="2xx",protocol="http1"} 1',
      'http_request_duration_seconds_bucket{status="5xx",track="canary",reason="weight",protocol="http1",le="0.25"} 0',
      'http_request_duration_seconds_bucket{status="5xx",track="canary",reason="weight",protocol="http1",le="0.5"} 2',
      'http_request_duration_seconds_bucket{status="2xx",track="canary",reason="weight",protocol="http1",le="+Inf"} 1',
      'http_request_duration_seconds_count{status="5xx",track="canary",reason="weight",protocol="http1"} 2',
      'kinglet_refused_requests_total{status="400"} 2',
      'kinglet_canary_weight_percent 10',
      'kinglet_route_generation 7',
      'kinglet_controller_connected 1',
    ])
      expect(text).toContain(`${line}\n`)
  })

  it('gives the same totals twice', () => {
    const ledger = new TrafficLedger()
    ledger.open(1).record('primary', 'direct', '2xx', 1)
    expect(scrape(ledger)).toBe(scrape(ledger))
  })

  it('is well-formed, and every series adds up, whatever is recorded and drained between its slices', () =>
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), fc.array(fc.option(record, { nil: 'end' as const }), { maxLength: 40 }), (before, meanwhile) => {
        const ledger = new TrafficLedger()
        const book = ledger.open(1)
        for (const { track, reason, outcome, latencyMs } of before) book.record(track, reason, outcome, latencyMs)
        const steps = meanwhile.values()
        let text = ''
        for (const slice of renderProxyMetrics(readings(ledger))) {
          text += slice
          const { value: step } = steps.next()
          if (step === 'end') ledger.endInterval()
          else if (step) book.record(step.track, step.reason, step.outcome, step.latencyMs)
        }
        const scraped = expectAddsUp(text)
        expect(scraped).toBeGreaterThanOrEqual(before.length)
        expect(scraped).toBeLessThanOrEqual(before.length + meanwhile.length)
      }),
      { numRuns: 30 },
    ))

  it('knows the sum of all durations', () => {
    const ledger = new TrafficLedger()
    const book = ledger.open(1)
    for (const ms of [1.5, 20.25]) {
      book.record('primary', 'weight', '2xx', ms)
      ledger.endInterval()
    }
    book.record('primary', 'weight', '2xx', 300)
    const text = scrape(ledger)
    expect(text).toContain('http_request_duration_seconds_sum{status="2xx",track="primary",reason="weight",protocol="http1"} 0.32175\n')
    expect(text).toContain('http_request_duration_seconds_count{status="2xx",track="primary",reason="weight",protocol="http1"} 3\n')
  })

  it('counts a duration that is just a bound under it, as Prometheus says', () => {
    const ledger = new TrafficLedger()
    ledger.open(1).record('primary', 'weight', '2xx', 250)
    const text = scrape(ledger)
    expect(text).toContain('le="0.1"} 0\n')
    expect(text).toContain('le="0.25"} 1\n')
  })

  it('shows every failure as a server’s, whether it has a status or not', () => {
    const ledger = new TrafficLedger()
    const book = ledger.open(1)
    for (const outcome of ['5xx', 'reset', 'timeout', 'refused'] as const) book.record('canary', 'weight', outcome, 1)
    expect(scrape(ledger)).toContain('http_request_duration_seconds_count{status="5xx",track="canary",reason="weight",protocol="http1"} 4\n')
  })

  it('has each series once, whatever tables it was counted under', () => {
    const ledger = new TrafficLedger()
    for (const generation of [1, 2, 3]) ledger.open(generation).record('primary', 'weight', '2xx', 1)
    expect(expectAddsUp(scrape(ledger))).toBe(3)
  })

  it('says nothing of a controller where there is none', () => {
    const alone = [...renderProxyMetrics({ ...readings(new TrafficLedger()), controllerConnected: undefined })].join('')
    expect(alone).not.toContain('kinglet_controller_connected')
  })
})
