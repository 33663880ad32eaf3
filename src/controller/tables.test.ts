import { describe, expect, it } from 'vitest'
import { parseCanary } from '../api/canary.ts'
import type { JsonObject } from '../base/json.ts'
import type { World } from '../rollout/world.ts'
import { buildPublication } from './tables.ts'

const split = { label: 'app', value: 'web', primaryValue: 'web-primary', appPort: 8080 }
const canaryIn = (status: JsonObject): JsonObject => ({
  metadata: { name: 'web', namespace: 'shop' },
  spec: { targetRef: { kind: 'Deployment', name: 'web' }, service: { name: 'shop', port: 80 }, analysis: {} },
  status,
})
const service = (name: string, clusterIP: string): JsonObject => ({ metadata: { name }, spec: { clusterIP } })

const serviceIn = (status: JsonObject, services: readonly JsonObject[]): unknown => {
  const canary = canaryIn(status)
  const world: World = { canary, rivals: [], services, slices: [], pods: [], configs: new Map(), acknowledged: new Map(), listeningSince: 0 }
  return buildPublication(parseCanary(canary), world, split).table.primaryService
}

describe('a table names the Service of the primary', () => {
  const promoting = { phase: 'Promoting', kinglet: { generation: 1, generationAt: 0, apex: 'primary' } }
  it('by its address, which stays while pods come and go', () =>
    expect(serviceIn(promoting, [service('shop', '10.0.0.1'), service('shop-primary', '10.0.0.2')])).toEqual({ address: '10.0.0.2', port: 80 }))
  it.each([
    ['there is none yet', promoting, []],
    ['it has no address', promoting, [service('shop-primary', 'None')]],
    ['the primary is about to go', { phase: 'Terminating', kinglet: { generation: 1, generationAt: 0 } }, [service('shop-primary', '10.0.0.2')]],
  ])('but not when %s', (_case, status, services) => expect(serviceIn(status, services)).toBeUndefined())
})

describe('a table tells of copies', () => {
  const table = (kinglet: JsonObject, analysis: JsonObject): unknown => {
    const canary = { ...canaryIn({ phase: 'Progressing', canaryWeight: 0, kinglet: { generation: 1, generationAt: 0, ...kinglet } }), spec: { targetRef: { kind: 'Deployment', name: 'web' }, service: { name: 'shop', port: 80 }, analysis } }
    const world: World = { canary, rivals: [], services: [], slices: [], pods: [], configs: new Map(), acknowledged: new Map(), listeningSince: 0 }
    return buildPublication(parseCanary(canary), world, split).table
  }
  it('while the analysis makes some', () => expect(table({ mirroring: true }, { mirror: true, mirrorWeight: 25, stepWeight: 10 })).toMatchObject({ canaryWeightPercent: 0, mirrorPercent: 25 }))
  it.each([
    ['before its time', {}, { mirror: true, stepWeight: 10 }],
    ['when the Canary asks for none any more', { mirroring: true }, { stepWeight: 10 }],
  ])('but not %s', (_case, kinglet, analysis) => expect(table(kinglet, analysis)).not.toHaveProperty('mirrorPercent'))
})
