import { describe, expect, it } from 'vitest'
import { adopted, applyRevision, catchUp, createModel, eventTexts, intervalMs, look, pass, settle, stepStartedAt, type Model } from './model.testkit.ts'
import { routingOf } from './step.ts'
import { nextWeight } from './weights.ts'

const condition = (model: Model, type: string) => model.status.conditions.find((candidate) => candidate.type === type)

/** Weight and phase every interval from now on. */
function table(model: Model, rows: number): readonly string[] {
  const seen: string[] = []
  for (let row = 0; row < rows; row += 1) {
    if (row > 0) pass(model, intervalMs + 200, 200)
    seen.push(`${row}m ${model.status.phase} ${model.status.canaryWeight}`)
  }
  return seen
}

describe('the next weight', () => {
  it.each([
    ['step 20, max 50', { stepWeight: 20, stepWeights: [], maxWeight: 50 }, [20, 40, 60]],
    ['step 50, max 100', { stepWeight: 50, stepWeights: [], maxWeight: 100 }, [50, 100]],
    ['steps 1, 2, 10, 80', { stepWeight: 0, stepWeights: [1, 2, 10, 80], maxWeight: 80 }, [1, 2, 10, 80]],
    ['steps 1, 2, 10, 200', { stepWeight: 0, stepWeights: [1, 2, 10, 200], maxWeight: 100 }, [1, 2, 10, 100]],
    ['step 10, max 50', { stepWeight: 10, stepWeights: [], maxWeight: 50 }, [10, 20, 30, 40, 50]],
  ])('of %s goes as Flagger’s', (_name, spec, weights) => {
    const seen: number[] = []
    for (let weight = nextWeight(0, spec); weight !== undefined; weight = nextWeight(weight, spec)) seen.push(weight)
    expect(seen).toEqual(weights)
  })
})

describe('given a plain Deployment and Service', () => {
  it('is adopted in the order that loses no request', () => {
    const model = createModel()
    settle(model)
    expect(model).toMatchObject({ primary: { revision: 'v1' }, apex: 'original', target: { desired: 2 } })
    catchUp(model)
    settle(model)
    expect(model).toMatchObject({ apex: 'primary', target: { desired: 2 } })
    catchUp(model)
    pass(model, 14_000)
    expect(model.target?.desired).toBe(2)
    pass(model, 3000)
    expect(model).toMatchObject({ status: { phase: 'Initialized', canaryWeight: 0, lastPromotedSpec: 'v1' }, target: { desired: 0, mark: { phase: 'idle' } } })
    expect(eventTexts(model)).toEqual(['Initialization done! myapp.test'])
  })

  it('says why it waits, once and not before it has waited for ten seconds', () => {
    const model = createModel()
    settle(model)
    const notReady = 'myapp-primary.test not ready: waiting for rollout to finish: 0 of 2 (readyThreshold 100%) updated replicas are available'
    const { status } = model
    const look = (ms: number): void => {
      model.now += ms
      settle(model)
    }
    look(9000)
    expect(model.status, 'nothing is written').toBe(status)
    expect(eventTexts(model)).toEqual([])
    look(1000)
    look(60_000)
    expect(model.status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', reason: 'PrimaryNotReady', message: notReady }))
    expect(eventTexts(model)).toEqual([notReady])
  })

  it('keeps the target while the primary is not ready, whatever the deadline says', () => {
    const model = createModel()
    settle(model)
    for (let minute = 0; minute < 15; minute += 1) {
      model.now += 60_000
      settle(model)
    }
    expect(model).toMatchObject({ target: { desired: 2 }, apex: 'original', status: { phase: 'Initializing' } })
    expect(condition(model, 'Stalled')).toMatchObject({ status: 'True', reason: 'PrimaryNotReady' })
  })

  it('follows a template that changes before anybody is served by the primary', () => {
    const model = createModel()
    settle(model)
    applyRevision(model, 'v2')
    settle(model)
    expect(model.primary?.revision).toBe('v2')
  })

  it('has weight, conditions and phase from the first status on', () => {
    const { status } = look(createModel())
    expect(status).toMatchObject({ phase: 'Initializing', canaryWeight: 0, failedChecks: 0, iterations: 0 })
    expect(status.conditions.map(({ type }) => type)).toEqual(['Promoted', 'Ready', 'Reconciling', 'Stalled'])
    expect(status.conditions.every(({ message }) => message !== '')).toBe(true)
  })
})

describe('given a new revision', () => {
  it('steps through the weights of the reference manifest, one a minute, and promotes', () => {
    const model = adopted()
    applyRevision(model, 'v2')
    settle(model)
    expect(table(model, 7)).toEqual(['0m Progressing 0', '1m Progressing 10', '2m Progressing 20', '3m Progressing 30', '4m Progressing 40', '5m Progressing 50', '6m Promoting 50'])
    pass(model, 5000)
    expect(model).toMatchObject({ status: { phase: 'Succeeded', canaryWeight: 0, lastPromotedSpec: 'v2' }, primary: { revision: 'v2' }, target: { desired: 0 } })
    expect(eventTexts(model).slice(1)).toEqual([
      'New revision detected! Scaling up myapp.test',
      'Starting canary analysis for myapp.test',
      ...[10, 20, 30, 40, 50].map((weight) => `Advance myapp.test canary weight ${weight}`),
      'Copying myapp.test template spec to myapp-primary.test',
      'Routing all traffic to primary',
      'Promotion completed! Scaling down myapp.test',
    ])
  })

  it('goes on in time after a controller whose clock was hours ahead', () => {
    const model = adopted()
    applyRevision(model, 'v2')
    settle(model)
    pass(model, intervalMs + 2000)
    expect(model.status.canaryWeight).toBe(10)
    model.now -= 3 * 3_600_000
    pass(model, 2 * intervalMs + 15_000)
    expect(model.status.canaryWeight).toBeGreaterThanOrEqual(20)
  })

  it('with stepWeights takes them in turn', () => {
    const model = adopted({ interval: '1m', threshold: 5, stepWeights: [1, 5, 40] })
    applyRevision(model, 'v2')
    settle(model)
    expect(table(model, 5)).toEqual(['0m Progressing 0', '1m Progressing 1', '2m Progressing 5', '3m Progressing 40', '4m Promoting 40'])
  })

  it('with stepWeightPromotion gives the traffic back in steps', () => {
    const model = adopted({ interval: '1m', threshold: 5, stepWeights: [50], stepWeightPromotion: 20 })
    applyRevision(model, 'v2')
    settle(model)
    pass(model, 2.05 * intervalMs)
    expect(table(model, 4)).toEqual(['0m Promoting 50', '1m Promoting 30', '2m Promoting 10', '3m Succeeded 0'])
  })

  it('A/B: routes by match alone, iteration by iteration', () => {
    const match = [{ headers: { 'x-canary': { exact: 'yes' } } }]
    const model = adopted({ interval: '1m', threshold: 2, iterations: 3, match })
    applyRevision(model, 'v2')
    settle(model)
    expect(routingOf(model)).toEqual({ canaryWeightPercent: 0, match: [] })
    pass(model, intervalMs + 500, 500)
    expect(routingOf(model)).toEqual({ canaryWeightPercent: 0, match })
    expect(model.status).toMatchObject({ iterations: 1 })
    pass(model, 2 * intervalMs + 2000)
    expect(model.status).toMatchObject({ phase: 'Progressing', iterations: 3, canaryWeight: 0 })
    pass(model, intervalMs + 10_000)
    expect(model.status).toMatchObject({ phase: 'Succeeded', lastPromotedSpec: 'v2' })
    expect(routingOf(model)).toEqual({ canaryWeightPercent: 0, match: [] })
  })

  it('blue/green: no request before promotion, then everybody at once', () => {
    const model = adopted({ interval: '1m', threshold: 2, iterations: 2 })
    applyRevision(model, 'v2')
    settle(model)
    for (let second = 0; second < 185; second += 1) {
      if (model.status.phase === 'Progressing') expect(routingOf(model)).toEqual({ canaryWeightPercent: 0, match: [] })
      pass(model, 1000)
    }
    expect(eventTexts(model)).toEqual(expect.arrayContaining(['Advance myapp.test canary iteration 2/2', 'Routing all traffic to canary', 'Routing all traffic to primary', 'Promotion completed! Scaling down myapp.test']))
    // Nothing is copied before every sidecar sends everybody to the canary.
    const copied = model.history.findLast(({ decision }) => decision.actions.some(({ type }) => type === 'copy-to-primary'))
    expect(copied?.before.canary.status).toMatchObject({ phase: 'Promoting', canaryWeight: 100 })
    expect(copied?.before.sidecars.unacknowledged).toEqual([])
  })

  it('with skipAnalysis is promoted at once, after its pods are ready', () => {
    const model = adopted(undefined, { skipAnalysis: true })
    applyRevision(model, 'v2')
    settle(model)
    expect(model.status.phase).toBe('Progressing')
    pass(model, 4000)
    expect(model.status).toMatchObject({ phase: 'Succeeded', lastPromotedSpec: 'v2' })
    expect(eventTexts(model)).toContain('Promotion completed! Canary analysis was skipped for myapp.test')
  })

  it('rolls back at the threshold, weight first, and holds until another revision', () => {
    const model = adopted({ interval: '1m', threshold: 2, maxWeight: 50, stepWeight: 10 })
    applyRevision(model, 'bad')
    settle(model)
    pass(model, intervalMs + 1000)
    model.verdict = 'fail'
    pass(model, intervalMs + 1000)
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 10, failedChecks: 1 })
    // At the second failure sidecars are slow: the weight is 0 at once, the pods stay until they have it.
    while (model.status.phase === 'Progressing') {
      model.now += 1000
      settle(model)
    }
    expect(model).toMatchObject({ status: { phase: 'Failed', canaryWeight: 0, failedChecks: 2 }, target: { desired: 2 } })
    catchUp(model)
    settle(model)
    expect(model.target?.desired).toBe(0)
    expect(eventTexts(model).slice(-3)).toEqual(['Halt myapp.test advancement: fail', 'Rolling back myapp.test failed checks threshold reached 2', 'Canary failed! Scaling down myapp.test'])
    pass(model, 5 * intervalMs, 10_000)
    expect(model.status.phase).toBe('Failed')
    model.verdict = 'pass'
    applyRevision(model, 'good')
    settle(model)
    expect(model.status).toMatchObject({ phase: 'Progressing', failedChecks: 0 })
  })

  it('holds without data, says so, and never fails for it', () => {
    const model = adopted({ interval: '1m', threshold: 1, maxWeight: 50, stepWeight: 10 })
    applyRevision(model, 'v2')
    settle(model)
    model.verdict = 'no-data'
    pass(model, 10 * intervalMs, 5000)
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 10, failedChecks: 0 })
    expect(condition(model, 'Ready')).toMatchObject({ status: 'False', reason: 'NoData' })
  })

  it('does not miss requests before a weight has been in force for an interval', () => {
    const model = adopted({ interval: '1m', threshold: 1, maxWeight: 50, stepWeight: 10 })
    applyRevision(model, 'v2')
    model.verdict = 'no-data'
    settle(model)
    const said = (): readonly string[] => eventTexts(model).filter((text) => text.endsWith('advancement: no-data'))
    while (model.status.canaryWeight === 0) pass(model, 5000, 5000)
    pass(model, intervalMs - 15_000, 5000)
    expect([model.status.canaryWeight, said()]).toEqual([10, []])
    pass(model, intervalMs, 5000)
    expect(said()).toHaveLength(1)
  })

  it('with onNoData: fail counts a check without data as Flagger does', () => {
    const model = adopted({ interval: '1m', threshold: 1, maxWeight: 50, stepWeight: 10, onNoData: 'fail' })
    applyRevision(model, 'v2')
    settle(model)
    model.verdict = 'no-data'
    pass(model, 3 * intervalMs, 5000)
    expect(model.status.phase).toBe('Failed')
  })

  it('halts before the first request when a check cannot be evaluated', () => {
    const model = adopted()
    applyRevision(model, 'v2')
    model.verdict = 'unsupported'
    settle(model)
    pass(model, 5 * intervalMs, 5000)
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 0 })
    expect(condition(model, 'Stalled')).toMatchObject({ status: 'True', reason: 'CheckNotSupported' })
  })

  it('begins again from weight 0 when the template changes in the middle', () => {
    const model = adopted()
    applyRevision(model, 'v2')
    settle(model)
    pass(model, 2.5 * intervalMs)
    expect(model.status.canaryWeight).toBe(20)
    applyRevision(model, 'v3')
    const { status } = look(model)
    expect(status).toMatchObject({ phase: 'Progressing', canaryWeight: 0, lastAppliedSpec: 'v3' })
    expect(eventTexts(model)).toContain('New revision detected! Restarting analysis for myapp.test')
  })

  it('goes back to idle without promoting when the promoted template is applied again', () => {
    const model = adopted()
    applyRevision(model, 'v2')
    settle(model)
    pass(model, 2.5 * intervalMs)
    applyRevision(model, 'v1')
    expect(look(model).status).toMatchObject({ phase: 'Initialized', canaryWeight: 0 })
    pass(model, 2000)
    expect(model).toMatchObject({ primary: { revision: 'v1' }, target: { desired: 0 }, status: { phase: 'Initialized', lastPromotedSpec: 'v1' } })
  })

  it('holds the weight while paused, and still rolls back', () => {
    const model = adopted({ interval: '1m', threshold: 1, maxWeight: 50, stepWeight: 10 })
    applyRevision(model, 'v2')
    settle(model)
    pass(model, 1.5 * intervalMs)
    model.isPaused = true
    pass(model, 5 * intervalMs, 5000)
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 10 })
    model.verdict = 'fail'
    pass(model, 2 * intervalMs, 5000)
    expect(model.status).toMatchObject({ phase: 'Failed', canaryWeight: 0 })
  })

  it('stands still while suspended, and watches the step anew afterwards', () => {
    const model = adopted()
    applyRevision(model, 'v2')
    settle(model)
    pass(model, 1.5 * intervalMs)
    model.spec = { ...model.spec, suspend: true }
    pass(model, 5 * intervalMs, 5000)
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 10 })
    expect(eventTexts(model).filter((text) => text === 'skipping canary run as object is suspended')).toHaveLength(1)
    model.spec = { ...model.spec, suspend: false }
    pass(model, 0.9 * intervalMs)
    expect(model.status.canaryWeight).toBe(10)
    pass(model, 0.2 * intervalMs)
    expect(model.status.canaryWeight).toBe(20)
  })

  it('rolls back a canary that does not become ready before the deadline', () => {
    const model = adopted(undefined, { progressDeadlineSeconds: 120 })
    applyRevision(model, 'v2')
    settle(model)
    for (let second = 0; second < 130; second += 10) {
      model.now += 10_000
      if (model.target) model.target.ready = 0
      settle(model)
    }
    expect(model.status).toMatchObject({ phase: 'Failed', canaryWeight: 0 })
  })

  it('sends nobody to pods without a sidecar and replaces them', () => {
    const model = adopted()
    applyRevision(model, 'v2')
    // The webhook was away: the pods are there already, without it.
    if (model.target) model.target = { ...model.target, desired: 2, ready: 2, uninjected: 2, hasInjectKeys: true }
    const { actions, events, status } = look(model, true)
    expect(status.canaryWeight).toBe(0)
    expect(actions).toContainEqual({ type: 'replace-pods', pods: ['myapp-x'] })
    expect(events.map(({ message }) => message).join()).toContain('New revision detected!')
    expect(look(model).events.map(({ message }) => message).join()).toContain('without a sidecar')
    pass(model, intervalMs + 1000)
    expect(model.status.canaryWeight).toBe(10)
  })

  it('starts a step’s clock when every sidecar has it, and goes on without a silent one after ten seconds', () => {
    const model = adopted()
    applyRevision(model, 'v2')
    settle(model)
    pass(model, intervalMs)
    expect(model.status).toMatchObject({ canaryWeight: 10 })
    expect(stepStartedAt(model)).toBeUndefined()
    model.now += 9000
    settle(model)
    expect(stepStartedAt(model)).toBeUndefined()
    model.now += 1000
    settle(model)
    expect(stepStartedAt(model)).toBe(model.now)
    expect(eventTexts(model).at(-1)).toContain('No acknowledgement from the sidecars of myapp-primary-a')
  })
})

describe('the clock of a step', () => {
  /** Weight 10 has been decided in this very second, and every sidecar follows it. */
  function givenFollowed(): Model {
    const model = adopted({ interval: '5m', threshold: 2, stepWeight: 10, maxWeight: 50 })
    applyRevision(model, 'v2')
    settle(model)
    pass(model, 301_000)
    expect(model.status.canaryWeight).toBe(10)
    catchUp(model)
    return model
  }

  it('starts without a write, and is written alone after a minute', () => {
    const model = givenFollowed()
    const { status, now } = model
    settle(model)
    expect(model.status, 'nothing is written').toBe(status)
    expect(stepStartedAt(model)).toBe(now)
    model.now += 59_000
    settle(model)
    expect(model.status).toBe(status)
    model.now += 1000
    settle(model)
    expect(model.status.kinglet.stepStartedAt).toBe(now)
  })

  it('is written with whatever is written before', () => {
    const model = givenFollowed()
    const { now } = model
    settle(model)
    model.isPaused = true
    model.now += 1000
    settle(model)
    expect(model.status.kinglet.stepStartedAt).toBe(now)
  })

  it('begins anew at a controller that takes over before: a step is watched for an interval at least', () => {
    const model = givenFollowed()
    settle(model)
    model.unwritten = undefined
    model.now += 30_000
    settle(model)
    const tookOverAt = model.now
    pass(model, 299_000)
    expect(model.status.canaryWeight).toBe(10)
    pass(model, 2000)
    expect(model.status.canaryWeight).toBe(20)
    expect(model.status.analysis?.since).toBe(new Date(tookOverAt).toISOString())
  })

  it('stops while the Canary is suspended', () => {
    const model = givenFollowed()
    settle(model)
    model.spec = { ...model.spec, suspend: true }
    settle(model)
    expect(stepStartedAt(model)).toBeUndefined()
  })
})

describe('given analysis.mirror', () => {
  const steps = { interval: '1m', threshold: 2, stepWeight: 20, maxWeight: 40, mirror: true }

  it('the canary gets copies for one step, then its weights as ever', () => {
    const model = adopted(steps)
    applyRevision(model, 'v2')
    settle(model)
    expect(routingOf(model)).not.toHaveProperty('mirrorPercent')
    pass(model, intervalMs + 500, 500)
    expect(routingOf(model)).toEqual({ canaryWeightPercent: 0, match: [], mirrorPercent: 100 })
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 0, iterations: 0 })
    pass(model, intervalMs + 500, 500)
    expect(routingOf(model)).toEqual({ canaryWeightPercent: 20, match: [] })
    expect(table(model, 4)).toEqual(['0m Progressing 20', '1m Progressing 40', '2m Promoting 40', '3m Succeeded 0'])
    expect(eventTexts(model).filter((text) => text.startsWith('Advance'))).toEqual(['Advance myapp.test canary weight 0', 'Advance myapp.test canary weight 20', 'Advance myapp.test canary weight 40'])
  })

  it('copies as many as mirrorWeight says', () => {
    const model = adopted({ ...steps, mirrorWeight: 30 })
    applyRevision(model, 'v2')
    pass(model, intervalMs + 2000)
    expect(routingOf(model)).toMatchObject({ canaryWeightPercent: 0, mirrorPercent: 30 })
  })

  it('what fails while it gets copies never gets a request', () => {
    const model = adopted(steps)
    applyRevision(model, 'v2')
    pass(model, intervalMs + 2000)
    expect(routingOf(model)).toHaveProperty('mirrorPercent', 100)
    model.verdict = 'fail'
    pass(model, 2 * intervalMs + 2000)
    expect(model).toMatchObject({ status: { phase: 'Failed', canaryWeight: 0 }, target: { desired: 0 } })
    expect(routingOf(model)).toEqual({ canaryWeightPercent: 0, match: [] })
    expect(model.history.some(({ decision }) => decision.status.canaryWeight > 0)).toBe(false)
  })

  it.each([
    [70, 'Halt myapp.test advancement: of 70 requests or connections of the primary none could be copied to the canary. Connections that clients encrypt (TLS), WebSockets and bodies over 64 KiB are not copied: where there is nothing else, remove spec.analysis.mirror.'],
    [0, 'Halt myapp.test advancement: no-data'],
  ])('says why nothing is copied where the primary has had %d requests', (primaryRequests, message) => {
    const model = adopted(steps)
    applyRevision(model, 'v2')
    pass(model, intervalMs + 2000)
    model.verdict = 'no-data'
    model.primaryRequests = primaryRequests
    pass(model, 3 * intervalMs)
    expect(condition(model, 'Ready')).toMatchObject({ reason: 'NoData', message })
  })

  it('waits with its copies while there is nothing to copy', () => {
    const model = adopted(steps)
    applyRevision(model, 'v2')
    pass(model, intervalMs + 2000)
    model.verdict = 'no-data'
    pass(model, 3 * intervalMs)
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 0, failedChecks: 0 })
    expect(routingOf(model)).toHaveProperty('mirrorPercent', 100)
    expect(condition(model, 'Ready')).toMatchObject({ reason: 'NoData' })
  })

  it('blue/green gets copies throughout, and then everybody', () => {
    const model = adopted({ interval: '1m', threshold: 2, iterations: 2, mirror: true })
    applyRevision(model, 'v2')
    pass(model, intervalMs + 2000)
    expect(model.status).toMatchObject({ iterations: 1 })
    expect(routingOf(model)).toEqual({ canaryWeightPercent: 0, match: [], mirrorPercent: 100 })
    pass(model, intervalMs)
    expect(model.status).toMatchObject({ iterations: 2 })
    expect(routingOf(model)).toHaveProperty('mirrorPercent', 100)
    pass(model, 2 * intervalMs)
    expect(eventTexts(model)).toContain('Stop traffic mirroring and route all traffic to canary')
    expect(model.status).toMatchObject({ phase: 'Succeeded' })
    expect(routingOf(model)).toEqual({ canaryWeightPercent: 0, match: [] })
  })

  it('evidence, which copies cannot give, is not waited for until there are weights; nor do copies end before their interval', () => {
    const model = adopted({ ...steps, advance: 'evidence' })
    model.guard = { decision: 'none' }
    applyRevision(model, 'v2')
    pass(model, 8000)
    pass(model, intervalMs / 2)
    expect(routingOf(model)).toHaveProperty('mirrorPercent', 100)
    pass(model, intervalMs / 2 + 2000)
    expect(model.status).toMatchObject({ canaryWeight: 20 })
    pass(model, 2 * intervalMs)
    expect(model.status).toMatchObject({ canaryWeight: 20 })
  })

  it('another revision begins again without copies', () => {
    const model = adopted(steps)
    applyRevision(model, 'v2')
    pass(model, intervalMs + 2000)
    applyRevision(model, 'v3')
    settle(model)
    expect(routingOf(model)).not.toHaveProperty('mirrorPercent')
    expect(model.status).toMatchObject({ phase: 'Progressing', canaryWeight: 0 })
  })
})

describe('given a promotion', () => {
  /** At the moment when the template has been copied. */
  function promoting(): Model {
    const model = adopted({ interval: '1m', threshold: 5, stepWeights: [50] })
    applyRevision(model, 'v2')
    settle(model)
    pass(model, 2 * intervalMs)
    while (model.status.phase === 'Progressing') {
      model.now += 1000
      model.acknowledged = model.status.kinglet.generation
      settle(model)
    }
    model.acknowledged = model.status.kinglet.generation
    settle(model)
    expect(model).toMatchObject({ status: { phase: 'Promoting', canaryWeight: 50 }, primary: { revision: 'v2', ready: 1 } })
    if (model.primary) model.primary.ready = 0
    settle(model)
    return model
  }

  it('whose primary has no ready pod lets clients enter through the canary until it has', () => {
    const model = promoting()
    expect(model.apex).toBe('canary')
    catchUp(model)
    settle(model)
    expect(model.apex).toBe('primary')
    catchUp(model)
    pass(model, 20_000)
    expect(model).toMatchObject({ status: { phase: 'Succeeded', canaryWeight: 0 }, target: { desired: 0 } })
  })

  it('that fails keeps everybody with the healthy canary, and goes on when the primary recovers', () => {
    const model = promoting()
    if (model.primary) model.primary.isPastDeadline = true
    settle(model)
    expect(model).toMatchObject({ status: { phase: 'Failed', canaryWeight: 100, kinglet: { heldOnCanary: true } }, apex: 'canary', target: { desired: 2 } })
    expect(eventTexts(model).at(-1)).toBe('Promotion of myapp.test failed, primary not ready: deployment "myapp-primary" exceeded its progress deadline')
    model.now += 3_600_000
    settle(model)
    expect(model.target?.desired).toBe(2)
    if (model.primary) model.primary.isPastDeadline = false
    pass(model, 20_000)
    expect(model).toMatchObject({ status: { phase: 'Succeeded', canaryWeight: 0, lastPromotedSpec: 'v2' }, target: { desired: 0 } })
  })

  it('during which the template changes sends nobody to what was not judged, finishes, then analyses it', () => {
    const model = promoting()
    if (model.primary) model.primary.ready = 1
    applyRevision(model, 'v3')
    expect(look(model).status).toMatchObject({ phase: 'Promoting', canaryWeight: 0 })
    pass(model, 3000)
    expect(model.status).toMatchObject({ phase: 'Progressing', lastPromotedSpec: 'v2', lastAppliedSpec: 'v3' })
  })
})

describe('while it rests', () => {
  it('a replica count that somebody gives the target becomes the primary’s', () => {
    const model = adopted()
    if (model.target) model.target = { ...model.target, desired: 5, ready: 5 }
    pass(model, 20_000)
    expect(model).toMatchObject({ target: { desired: 0, wish: 5 }, primary: { desired: 5 }, status: { phase: 'Initialized' } })
  })

  it('an apex that was pointed back is pointed at the primary again, and nothing is scaled before clients follow', () => {
    const model = adopted()
    model.apex = 'original'
    model.endpoints = 'original'
    if (model.target) model.target = { ...model.target, desired: 3, ready: 3 }
    settle(model)
    expect(model).toMatchObject({ apex: 'primary', target: { desired: 3 } })
    pass(model, 14_000)
    expect(model.target?.desired).toBe(3)
    pass(model, 5000)
    expect(model.target).toMatchObject({ desired: 0, wish: 3 })
  })

  it('a primary that was deleted is made anew from the promoted template', () => {
    const model = adopted()
    model.primary = undefined
    settle(model)
    expect(model.primary).toMatchObject({ revision: 'v1' })
  })

  it('a primary that was deleted is not made from a template that failed', () => {
    const model = adopted({ interval: '1m', threshold: 1, maxWeight: 50, stepWeight: 10 })
    applyRevision(model, 'bad')
    model.verdict = 'fail'
    settle(model)
    pass(model, 3 * intervalMs, 5000)
    model.primary = undefined
    settle(model)
    expect(model.primary).toBeUndefined()
    expect(condition(model, 'Stalled')).toMatchObject({ status: 'True', reason: 'PrimaryMissing' })
  })
})

describe('given its deletion', () => {
  it.each(['rest', 'analysis'])('during %s gives the Deployment and the Service back in order', (when) => {
    const model = adopted()
    if (when === 'analysis') {
      applyRevision(model, 'v2')
      settle(model)
      pass(model, 2.5 * intervalMs)
    }
    model.isDeleting = true
    settle(model)
    expect(model).toMatchObject({ status: { phase: 'Terminating', canaryWeight: 0 }, apex: 'primary' })
    expect(model.primary).toBeDefined()
    model.acknowledged = model.status.kinglet.generation
    settle(model)
    expect(model.target).toMatchObject({ desired: 2, hasInjectKeys: false })
    expect(model.target?.mark).toBeUndefined()
    catchUp(model)
    settle(model)
    expect(model.apex).toBe('original')
    pass(model, 14_000)
    expect(model.primary).toBeDefined()
    pass(model, 3000)
    expect(model).toMatchObject({ isGone: true, apex: 'original', target: { desired: 2, ready: 2 }, splitServices: false })
    expect(model.primary).toBeUndefined()
    expect(eventTexts(model).slice(-1)).toEqual(['Terminated canary myapp.test'])
  })

  it('without a target leaves nothing behind', () => {
    const model = adopted()
    model.target = undefined
    model.isDeleting = true
    pass(model, 3000)
    expect(model).toMatchObject({ isGone: true, splitServices: false })
    expect(model.primary).toBeUndefined()
  })
})
