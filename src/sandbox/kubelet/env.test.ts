import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../base/json.ts'
import { buildEnv, expand } from './env.ts'
import { parseQuantity } from './downward.ts'

describe('$(NAME) in a value', () => {
  const env = { A: '1', B_C: 'two', EMPTY: '' }
  it.each([
    ['$(A)', '1'],
    ['x$(A)y$(B_C)', 'x1ytwo'],
    ['$(EMPTY)', ''],
    ['$(UNKNOWN)', '$(UNKNOWN)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$A ${A}', '$A ${A}'],
    ['$(A', '$(A'],
    ['cost: 5$', 'cost: 5$'],
  ])('%s is %s', (text, expected) => expect(expand(text, env)).toBe(expected))
})

describe('the environment of a container', () => {
  const pod: JsonObject = {
    metadata: { name: 'web-1', namespace: 'prod', uid: 'u1', labels: { app: 'web' }, annotations: { note: 'hi' } },
    spec: { nodeName: 'sandbox', serviceAccountName: 'robot', containers: [{ name: 'web', resources: { limits: { cpu: '250m', memory: '64Mi' } } }] },
  }
  const configMap = { kind: 'ConfigMap', data: { color: 'blue', level: '3' } }
  const secret = { kind: 'Secret', data: { password: Buffer.from('s3cret').toString('base64') } }
  const env = (container: JsonObject) =>
    buildEnv({
      pod,
      container: { name: 'web', ...container },
      podAddress: '127.244.1.2',
      nodeAddress: '127.244.1.1',
      configMap: (name) => (name === 'config' ? configMap : undefined),
      secret: (name) => (name === 'secret' ? secret : undefined),
    })
  const from = (valueFrom: JsonObject) => env({ env: [{ name: 'X', valueFrom }] })

  it.each([
    ['metadata.name', 'web-1'],
    ['metadata.namespace', 'prod'],
    ['metadata.uid', 'u1'],
    ["metadata.labels['app']", 'web'],
    ["metadata.annotations['note']", 'hi'],
    ["metadata.labels['absent']", ''],
    ['status.podIP', '127.244.1.2'],
    ['status.hostIP', '127.244.1.1'],
    ['spec.nodeName', 'sandbox'],
    ['spec.serviceAccountName', 'robot'],
  ])('has the field %s', (fieldPath, value) => expect(from({ fieldRef: { fieldPath } })).toEqual({ ok: true, value: { X: value } }))

  it.each<{ title: string; valueFrom: JsonObject; expected: unknown }>([
    { title: 'a key of a ConfigMap', valueFrom: { configMapKeyRef: { name: 'config', key: 'color' } }, expected: { ok: true, value: { X: 'blue' } } },
    { title: 'a key of a Secret, decoded', valueFrom: { secretKeyRef: { name: 'secret', key: 'password' } }, expected: { ok: true, value: { X: 's3cret' } } },
    { title: 'nothing for an optional key that is absent', valueFrom: { configMapKeyRef: { name: 'nope', key: 'x', optional: true } }, expected: { ok: true, value: {} } },
    { title: 'an error for an absent ConfigMap', valueFrom: { configMapKeyRef: { name: 'nope', key: 'x' } }, expected: { ok: false, error: 'configmap "nope" not found' } },
    { title: 'an error for an absent key', valueFrom: { secretKeyRef: { name: 'secret', key: 'x' } }, expected: { ok: false, error: "couldn't find key x in Secret prod/secret" } },
    { title: 'CPU rounded up', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } }, expected: { ok: true, value: { X: '1' } } },
    { title: 'memory in MiB', valueFrom: { resourceFieldRef: { containerName: 'web', resource: 'limits.memory', divisor: '1Mi' } }, expected: { ok: true, value: { X: '64' } } },
  ])('has $title', ({ valueFrom, expected }) => expect(from(valueFrom)).toEqual(expected))

  it('takes whole ConfigMaps with a prefix, lets env win, and expands in order', () => {
    const built = env({
      envFrom: [{ prefix: 'C_', configMapRef: { name: 'config' } }, { secretRef: { name: 'absent', optional: true } }],
      env: [{ name: 'C_level', value: '9' }, { name: 'GREETING', value: 'it is $(C_color) at $(C_level), $(LATER)' }, { name: 'LATER', value: 'x' }],
    })
    expect(built).toEqual({ ok: true, value: { C_color: 'blue', C_level: '9', GREETING: 'it is blue at 9, $(LATER)', LATER: 'x' } })
  })
})

describe('a quantity', () => {
  it.each([
    ['250m', 0.25],
    ['2', 2],
    ['64Mi', 67_108_864],
    ['1k', 1000],
    ['1e3', 1000],
    ['nonsense', 0],
  ])('%s is %d', (text, value) => expect(parseQuantity(text)).toBe(value))
})
