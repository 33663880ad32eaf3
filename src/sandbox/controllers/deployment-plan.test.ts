import { describe, expect, it } from 'vitest'
import { listAt, objectAt, stringAt, type JsonObject } from '../../base/json.ts'
import { planDeployment, viewDeployment } from './deployment-plan.ts'
import { buildDeploymentStatus } from './deployment-status.ts'

const template = (image: string): JsonObject => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } })

const deployment = (spec: JsonObject = {}, status: JsonObject = {}): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', uid: 'uid-web', generation: 3, annotations: { team: 'a', 'kubectl.kubernetes.io/last-applied-configuration': '{}' } },
  spec: { replicas: 4, selector: { matchLabels: { app: 'web' } }, template: template('v2'), ...spec },
  status,
})

interface SetFacts {
  readonly name: string
  readonly image: string
  readonly replicas: number
  readonly available?: number
  readonly revision?: number
  readonly desired?: number
}

const set = ({ name, image, replicas, available = replicas, revision = 1, desired = 4 }: SetFacts): JsonObject => ({
  metadata: {
    name,
    creationTimestamp: `2026-01-01T00:00:0${revision}Z`,
    annotations: { team: 'a', 'deployment.kubernetes.io/revision': String(revision), 'deployment.kubernetes.io/desired-replicas': String(desired), 'deployment.kubernetes.io/max-replicas': String(desired + 1) },
  },
  spec: { replicas, template: { ...template(image), metadata: { labels: { app: 'web', 'pod-template-hash': name } } } },
  status: { replicas, readyReplicas: available, availableReplicas: available },
})

const plan = (object: JsonObject, sets: readonly JsonObject[], hasOldPods = false) => planDeployment({ ...viewDeployment(object, sets), hasOldPods })

const scaled = (object: JsonObject, sets: readonly JsonObject[]) => {
  const step = plan(object, sets)
  return step.do === 'scale' ? Object.fromEntries(step.changes) : step.do
}

describe('a Deployment', () => {
  it('makes a ReplicaSet that carries its hash, its revision and its annotations but for the applied configuration', () => {
    const step = plan(deployment(), [])
    if (step.do !== 'create') throw new Error(step.do)
    const made = step.replicaSet
    const hash = stringAt(made, 'metadata', 'labels', 'pod-template-hash') ?? ''
    expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]+$/)
    expect(stringAt(made, 'metadata', 'name')).toBe(`web-${hash}`)
    expect(objectAt(made, 'spec')).toMatchObject({ replicas: 4, selector: { matchLabels: { app: 'web', 'pod-template-hash': hash } } })
    expect(objectAt(made, 'metadata', 'annotations')).toEqual({
      team: 'a',
      'deployment.kubernetes.io/revision': '1',
      'deployment.kubernetes.io/desired-replicas': '4',
      'deployment.kubernetes.io/max-replicas': '5',
    })
  })

  const v1 = (facts: Partial<SetFacts> = {}) => set({ name: 'v1', image: 'v1', replicas: 4, revision: 1, ...facts })
  const v2 = (facts: Partial<SetFacts> = {}) => set({ name: 'v2', image: 'v2', replicas: 4, revision: 2, ...facts })

  it.each([
    { why: 'grows the new ReplicaSet into the surge', spec: {}, sets: [v1(), v2({ replicas: 0 })], expected: { v2: 1 } },
    { why: 'shrinks the old one by what may be unavailable', spec: {}, sets: [v1(), v2({ replicas: 1, available: 0 })], expected: { v1: 3 } },
    { why: 'does nothing when paused', spec: { paused: true }, sets: [v1()], expected: 'nothing' },
    { why: 'scales while it is paused', spec: { paused: true, replicas: 6 }, sets: [v1()], expected: { v1: 6 } },
    { why: 'scales its only ReplicaSet', spec: { replicas: 7 }, sets: [v2()], expected: { v2: 7 } },
    { why: 'scales to zero', spec: { replicas: 0 }, sets: [v2()], expected: { v2: 0 } },
    { why: 'has nothing to do at its goal', spec: {}, sets: [v1({ replicas: 0 }), v2()], expected: 'nothing' },
    { why: 'stops the old pods first with Recreate', spec: { strategy: { type: 'Recreate' } }, sets: [v1()], expected: { v1: 0 } },
    { why: 'takes a ReplicaSet of an earlier revision for a rollback', spec: { template: template('v1') }, sets: [v1({ replicas: 0 }), v2()], expected: 'annotate' },
  ])('$why', ({ spec, sets, expected }) => expect(scaled(deployment(spec), sets)).toEqual(expected))

  it('gives a rolled back ReplicaSet the next revision', () => {
    const step = plan(deployment({ template: template('v1') }), [v1({ replicas: 0 }), v2()])
    expect(step.do === 'annotate' && stringAt(step.replicaSet, 'metadata', 'annotations', 'deployment.kubernetes.io/revision')).toBe('3')
  })

  it('waits with Recreate until the old pods are gone', () => {
    const object = deployment({ strategy: { type: 'Recreate' } })
    expect(plan(object, [v1({ replicas: 0 })], true).do).toBe('nothing')
    expect(plan(object, [v1({ replicas: 0 })], false).do).toBe('create')
  })

  it('removes what lies beyond revisionHistoryLimit, oldest first', () => {
    const old = [1, 2, 3].map((revision) => set({ name: `r${revision}`, image: `r${revision}`, replicas: 0, revision }))
    const step = plan(deployment({ revisionHistoryLimit: 1 }), [...old, v2({ revision: 4 })])
    expect(step).toEqual({ do: 'delete', names: ['r1', 'r2'] })
  })
})

describe('the status of a Deployment', () => {
  const now = new Date('2026-01-01T00:10:00Z')
  const conditions = (object: JsonObject, sets: readonly JsonObject[]) =>
    Object.fromEntries(
      listAt(buildDeploymentStatus(viewDeployment(object, sets), now).status, 'conditions').map((condition) => [stringAt(condition, 'type'), `${stringAt(condition, 'status')} ${stringAt(condition, 'reason')}`]),
    )
  const progressing = (reason: string, lastUpdateTime: string) => ({ updatedReplicas: 1, replicas: 1, conditions: [{ type: 'Progressing', status: 'True', reason, lastUpdateTime, lastTransitionTime: lastUpdateTime, message: 'm' }] })
  const fresh = (available: number, replicas = 4) => set({ name: 'v2', image: 'v2', replicas, available })

  it.each([
    { why: 'complete', status: {}, sets: [fresh(4)], expected: { Available: 'True MinimumReplicasAvailable', Progressing: 'True NewReplicaSetAvailable' } },
    { why: 'begun', status: {}, sets: [fresh(0)], expected: { Available: 'False MinimumReplicasUnavailable', Progressing: 'True NewReplicaSetCreated' } },
    { why: 'one may be missing', status: {}, sets: [fresh(3)], expected: { Available: 'True MinimumReplicasAvailable', Progressing: 'True NewReplicaSetCreated' } },
    {
      why: 'moving',
      status: progressing('NewReplicaSetCreated', '2026-01-01T00:00:00Z'),
      sets: [fresh(1)],
      expected: { Available: 'False MinimumReplicasUnavailable', Progressing: 'True ReplicaSetUpdated' },
    },
    {
      why: 'stuck beyond the deadline',
      status: progressing('ReplicaSetUpdated', '2026-01-01T00:00:00Z'),
      sets: [fresh(0, 1)],
      expected: { Available: 'False MinimumReplicasUnavailable', Progressing: 'False ProgressDeadlineExceeded' },
    },
    {
      why: 'stuck within the deadline',
      status: progressing('ReplicaSetUpdated', '2026-01-01T00:05:00Z'),
      sets: [fresh(0, 1)],
      expected: { Available: 'False MinimumReplicasUnavailable', Progressing: 'True ReplicaSetUpdated' },
    },
  ])('says when it is $why', ({ status, sets, expected }) => expect(conditions(deployment({}, status), sets)).toEqual(expected))

  it('says that it is paused, and then resumed', () => {
    expect(conditions(deployment({ paused: true }), [fresh(4)])['Progressing']).toBe('Unknown DeploymentPaused')
    expect(conditions(deployment({}, progressing('DeploymentPaused', '2026-01-01T00:00:00Z')), [fresh(4)])['Progressing']).toBe('Unknown DeploymentResumed')
  })

  it('counts all pods, and those of the new template', () => {
    const { status } = buildDeploymentStatus(viewDeployment(deployment(), [set({ name: 'v1', image: 'v1', replicas: 3 }), fresh(1, 2)]), now)
    expect(status).toMatchObject({ observedGeneration: 3, replicas: 5, updatedReplicas: 2, readyReplicas: 4, availableReplicas: 4, unavailableReplicas: 1 })
  })
})
