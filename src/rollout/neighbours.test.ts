import { describe, expect, it } from 'vitest'
import { parseCanary } from '../api/canary.ts'
import type { JsonObject } from '../base/json.ts'
import { neighbourCaveats } from './neighbours.ts'
import type { Neighbours } from './world.ts'

const split = { label: 'app', value: 'web', primaryValue: 'web-primary', appPort: 8080 }
const target: JsonObject = { metadata: { name: 'web' }, spec: { template: { metadata: { labels: { app: 'web', tier: 'front' } } } } }
const canaryWith = (spec: JsonObject = {}) => parseCanary({ metadata: { name: 'web', namespace: 'shop' }, spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, service: { port: 80 }, ...spec } })
const told = (neighbours: Partial<Neighbours>, canary = canaryWith()): readonly string[] => neighbourCaveats({ target, neighbours: { budgets: [], networkPolicies: [], scalers: [], ...neighbours } }, canary, split)

const byApp = { matchLabels: { app: 'web' } }
const byTier = { matchLabels: { tier: 'front' } }
const byBoth = { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'web-primary'] }] }
const leftOut = 'the pods of Deployment web and not those of web-primary, which serve and have the label app=web-primary'

describe('a PodDisruptionBudget', () => {
  const budget = (selector?: JsonObject): JsonObject => ({ metadata: { name: 'keep' }, spec: { minAvailable: 1, ...(selector ? { selector } : {}) } })

  it.each<[string, JsonObject]>([
    ['by the label that differs', byApp],
    ['that excludes the primary', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web-primary'] }] }],
    ['by what only the target has', { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }, { key: 'tier', operator: 'Exists' }] }],
  ])('%s is named, with the label and the remedy', (_which, selector) => expect(told({ budgets: [budget(selector)] })).toEqual([`PodDisruptionBudget keep: it protects ${leftOut}. Let it select app in (web, web-primary).`]))

  it.each<[string, JsonObject | undefined]>([
    ['of both tracks', byBoth],
    ['by another label', byTier],
    ['of everything', {}],
    ['of nothing', undefined],
    ['of other pods', { matchLabels: { app: 'other' } }],
    ['of the primary alone', { matchLabels: { app: 'web-primary' } }],
    ['by a label that nobody has', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }],
  ])('%s is not', (_which, selector) => expect(told({ budgets: [budget(selector)] })).toEqual([]))
})

describe('an autoscaler of the Deployment', () => {
  const scaler: JsonObject = { metadata: { name: 'web' }, spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' } } }
  it('that the Canary does not name is', () => expect(told({ scalers: [scaler] })).toEqual([expect.stringMatching(/^HorizontalPodAutoscaler web: it scales Deployment web, which rests .*spec\.autoscalerRef/)]))
  it('that it names is not', () => expect(told({ scalers: [scaler] }, canaryWith({ autoscalerRef: { kind: 'HorizontalPodAutoscaler', name: 'web' } }))).toEqual([]))
})

const policy = (podSelector: JsonObject, rules: JsonObject, name = 'lock'): JsonObject => ({ metadata: { name }, spec: { podSelector, ...rules } })
const open = { ingress: [{}] }

describe('a NetworkPolicy that', () => {
  it('selects the target’s pods alone is named', () =>
    expect(told({ networkPolicies: [policy(byApp, open)] })).toEqual([
      `NetworkPolicy lock: it holds for ${leftOut}. Let it select app in (web, web-primary), and where it limits ports, admit 14080 from clients and 14081 between these pods.`,
    ]))

  it.each<[string, JsonObject, number]>([
    ['lets the target’s pods in', { ingress: [{ from: [{ podSelector: byApp }] }] }, 1],
    ['lets calls to the target’s pods out', { policyTypes: ['Egress'], egress: [{ to: [{ podSelector: byApp }] }] }, 1],
    ['has such a rule for a direction that it does not govern', { policyTypes: ['Ingress'], egress: [{ to: [{ podSelector: byApp }] }] }, 0],
    ['lets both tracks in', { ingress: [{ from: [{ podSelector: byBoth }] }] }, 0],
    ['lets addresses in beside', { ingress: [{ from: [{ podSelector: byApp }, { ipBlock: { cidr: '10.0.0.0/8' } }] }] }, 0],
    ['lets whole namespaces in beside', { ingress: [{ from: [{ podSelector: byApp }, { namespaceSelector: {} }] }] }, 0],
    ['means pods of other namespaces', { ingress: [{ from: [{ podSelector: byApp, namespaceSelector: { matchLabels: { team: 'b' } } }] }] }, 0],
  ])('of another app %s: %s', (_which, rules, count) => {
    const texts = told({ networkPolicies: [policy({ matchLabels: { app: 'db' } }, rules)] })
    expect(texts).toEqual(Array.from({ length: count }, () => `NetworkPolicy lock: its rules name ${leftOut}. Let them name app in (web, web-primary).`))
  })
})

describe('what NetworkPolicies block', () => {
  const tcp = (port: number | string, more: JsonObject = {}): JsonObject => ({ port, ...more })
  const both = (ports: readonly JsonObject[], from: readonly JsonObject[] = []): JsonObject => policy(byTier, { ingress: [{ ports, ...(from.length > 0 ? { from } : {}) }] })
  const ways = (...networkPolicies: readonly JsonObject[]): readonly string[] => told({ networkPolicies }).map((text) => [14080, 14081, 14090].filter((port) => text.includes(` port ${port}`)).join())

  it('is said with the port, where only the app’s own is open', () =>
    expect(told({ networkPolicies: [both([tcp(8080)])] })).toEqual([
      'NetworkPolicy lock: it does not admit port 14080 of the pods of web-primary, where clients reach the sidecar. Add the port to its ingress rules.',
      "NetworkPolicy lock: it does not admit port 14081 of the pods of web, where those of web-primary send the canary's share. Add the port to its ingress rules.",
    ]))

  it.each<[string, readonly JsonObject[], readonly string[]]>([
    ['nothing where both ports are open', [both([tcp(14_080), tcp(14_081)])], []],
    ['nothing where a range has them', [both([tcp(14_000, { endPort: 15_000 })])], []],
    ['nothing where they are named', [both([tcp('kinglet-route'), tcp('kinglet-direct', { protocol: 'TCP' })])], []],
    ['nothing where no ports are listed', [both([])], []],
    ['nothing where a protocol has all ports', [both([{ protocol: 'TCP' }])], []],
    ['everything where they are open for UDP', [both([tcp(14_080, { protocol: 'UDP' }), tcp(14_081, { protocol: 'UDP' })])], ['14080', '14081']],
    ['nothing where another policy admits', [both([tcp(8080)]), both([tcp(14_080), tcp(14_081)])], []],
    ['the hop, where only others may come', [both([tcp(14_080), tcp(14_081)], [{ podSelector: { matchLabels: { app: 'gate' } } }])], ['14081']],
    ['nothing that is certain, where namespaces may come', [both([tcp(14_080), tcp(14_081)], [{ namespaceSelector: { matchLabels: { a: 'b' } } }])], []],
    ['nothing of clients, where addresses may come', [both([], [{ ipBlock: { cidr: '0.0.0.0/0' } }])], []],
    ['everything, where all is denied', [policy({}, { policyTypes: ['Ingress'] })], ['14080', '14081']],
    ['calls, where egress is for the database alone', [policy({}, { policyTypes: ['Egress'], egress: [{ ports: [tcp(5432)] }] })], ['14081', '14090']],
  ])('%s', (_what, policies, expected) => expect(ways(...policies)).toEqual(expected))

  it('names the policies together, where several share a pod', () => expect(told({ networkPolicies: [both([tcp(8080)]), policy({}, { policyTypes: ['Ingress'] }, 'deny')] })[0]).toMatch(/^NetworkPolicies lock, deny: none of them admits port 14080/))
})
