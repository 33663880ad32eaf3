import { describe, expect, it } from 'vitest'
import { listAt, objectAt, stringAt, type JsonObject } from '../../base/json.ts'
import { planSlices, portsOf } from './endpointslice-plan.ts'

interface PodFacts {
  readonly name: string
  readonly port?: number
  readonly sidecarPort?: number
  readonly isReady?: boolean
  readonly isTerminating?: boolean
  readonly phase?: string
  readonly ip?: string
}

const pod = ({ name, port = 8080, sidecarPort, isReady = true, isTerminating = false, phase = 'Running', ip = `10.0.0.${name}` }: PodFacts): JsonObject => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}`, ...(isTerminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
  spec: {
    nodeName: 'sandbox',
    containers: [{ name: 'app', ports: [{ name: 'http', containerPort: port }] }],
    initContainers: sidecarPort === undefined ? [{ name: 'once', ports: [{ name: 'proxy', containerPort: 1 }] }] : [{ name: 'proxy', restartPolicy: 'Always', ports: [{ name: 'proxy', containerPort: sidecarPort }] }],
  },
  status: { phase, ...(ip === '' ? {} : { podIP: ip }), conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] },
})

const service = (spec: JsonObject = {}): JsonObject => ({
  metadata: { name: 'web', namespace: 'default', uid: 'uid-web' },
  spec: { clusterIP: '10.96.0.1', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
})

const shape = (slices: readonly JsonObject[]) =>
  slices.map((slice) => ({
    ports: listAt(slice, 'ports').map((port) => objectAt({ port }, 'port')['port']),
    pods: listAt(slice, 'endpoints').map((endpoint) => stringAt(endpoint, 'targetRef', 'name')),
  }))

describe('the EndpointSlices of a Service', () => {
  it.each([
    { why: 'hold its pods', pods: [pod({ name: '1' }), pod({ name: '2' })], expected: [{ ports: [8080], pods: ['1', '2'] }] },
    {
      why: 'are split where a named port is another number',
      pods: [pod({ name: '1' }), pod({ name: '2', port: 9090 })],
      expected: [
        { ports: [8080], pods: ['1'] },
        { ports: [9090], pods: ['2'] },
      ],
    },
    { why: 'leave out pods that have ended or have no address', pods: [pod({ name: '1', phase: 'Succeeded' }), pod({ name: '2', ip: '' })], expected: [{ ports: [], pods: [] }] },
    { why: 'exist without pods', pods: [], expected: [{ ports: [], pods: [] }] },
  ])('$why', ({ pods, expected }) => expect(shape(planSlices(service(), pods, []).create)).toEqual(expected))

  it.each([
    { pod: pod({ name: '1' }), publish: false, conditions: { ready: true, serving: true, terminating: false } },
    { pod: pod({ name: '1', isReady: false }), publish: false, conditions: { ready: false, serving: false, terminating: false } },
    { pod: pod({ name: '1', isTerminating: true }), publish: false, conditions: { ready: false, serving: true, terminating: true } },
    { pod: pod({ name: '1', isReady: false, isTerminating: true }), publish: false, conditions: { ready: false, serving: false, terminating: true } },
    { pod: pod({ name: '1', isReady: false }), publish: true, conditions: { ready: true, serving: true, terminating: false } },
  ])('say of a pod $conditions when publishNotReadyAddresses is $publish', ({ pod: one, publish, conditions }) => {
    const [slice] = planSlices(service({ publishNotReadyAddresses: publish }), [one], []).create
    expect(objectAt({ endpoint: listAt(slice, 'endpoints')[0] }, 'endpoint', 'conditions')).toEqual(conditions)
  })

  it('find a named port in sidecars, and not in init containers that end', () => {
    const byName = service({ ports: [{ port: 80, targetPort: 'proxy' }] })
    expect(portsOf(byName, pod({ name: '1', sidecarPort: 14080 }))).toEqual([{ name: '', port: 14080, protocol: 'TCP' }])
    expect(portsOf(byName, pod({ name: '1' }))).toEqual([])
  })

  it('are marked headless, and named after the Service', () => {
    const [slice] = planSlices(service({ clusterIP: 'None' }), [], []).create
    expect(objectAt(slice, 'metadata', 'labels')).toMatchObject({ 'kubernetes.io/service-name': 'web', 'service.kubernetes.io/headless': '' })
    expect(stringAt(slice, 'metadata', 'generateName')).toBe('web-')
  })

  const existing = (name: string, pods: readonly JsonObject[]): JsonObject => {
    const [slice] = planSlices(service(), pods, []).create
    return { ...slice, metadata: { ...objectAt(slice, 'metadata'), name } }
  }

  it('are left alone when nothing changed', () =>
    expect(planSlices(service(), [pod({ name: '1' })], [existing('web-a', [pod({ name: '1' })])])).toEqual({ create: [], update: [], delete: [] }))

  it('keep the slice whose ports stay, and drop the one that is not needed', () => {
    const plan = planSlices(service(), [pod({ name: '3', port: 9090 })], [existing('web-a', [pod({ name: '1' })]), existing('web-b', [pod({ name: '2', port: 9090 })])])
    expect(plan.create).toEqual([])
    expect(plan.update.map((slice) => stringAt(slice, 'metadata', 'name'))).toEqual(['web-b'])
    expect(plan.delete).toEqual(['web-a'])
  })

  it('of others are not touched', () => {
    const foreign = { ...existing('mine', []), metadata: { name: 'mine', labels: { 'kubernetes.io/service-name': 'web' } } }
    expect(planSlices(service(), [], [foreign]).delete).toEqual([])
  })
})
