import { describe, expect, it } from 'vitest'
import { parseCanary } from '../api/canary.ts'
import type { JsonObject } from '../base/json.ts'
import { appProtocolOf, heedProtocol } from './app-protocol.ts'

const protocol = (service: JsonObject, port: JsonObject | undefined): string =>
  appProtocolOf(
    parseCanary({ metadata: { name: 'a', namespace: 'n' }, spec: { targetRef: { name: 'a' }, service: { name: 'svc', port: 80, ...service } } }),
    port ? [{ metadata: { name: 'svc' }, spec: { ports: [{ port: 80, ...port }] } }] : [],
  )

describe('what the app speaks', () => {
  it.each<[string, JsonObject, JsonObject | undefined, string]>([
    ['nothing is said', {}, {}, 'http'],
    ['the Canary says tcp', { appProtocol: 'tcp' }, { appProtocol: 'http' }, 'tcp'],
    ['the Service says tcp', {}, { appProtocol: 'tcp' }, 'tcp'],
    ['the Service says TCP', {}, { appProtocol: 'TCP' }, 'tcp'],
    ['the port is named tcp-…', {}, { name: 'tcp-db' }, 'tcp'],
    ['the port is named redis', {}, { name: 'redis' }, 'tcp'],
    ['the name says tcp, appProtocol says h2c', {}, { name: 'tcp-x', appProtocol: 'kubernetes.io/h2c' }, 'http'],
    ['the Canary names its own port', { portName: 'tcp-db' }, undefined, 'tcp'],
    ['it is gRPC', {}, { name: 'grpc', appProtocol: 'grpc' }, 'http'],
  ])('where %s', (_case, service, port, expected) => expect(protocol(service, port)).toBe(expected))
})

describe('what is about requests', () => {
  const service = { name: 'svc', port: 80, timeout: '5s', match: [{ uri: { prefix: '/' } }] }
  const heeded = (portName: string, annotation?: string) =>
    heedProtocol(parseCanary({ metadata: { name: 'a', namespace: 'n' }, spec: { targetRef: { name: 'a' }, service, analysis: { mirror: true, mirrorWeight: 40, stepWeight: 10 } } }), [
      { metadata: { name: 'svc' }, spec: { ports: [{ port: 80, name: portName }] } },
    ], { spec: { template: { metadata: annotation === undefined ? {} : { annotations: { 'kinglet.sh/protocol': annotation } } } } }).spec
  it('is done where there are requests', () => expect(heeded('http')).toMatchObject({ analysis: { mirrorPercent: 40 }, service: { policy: { timeoutMs: 5000 } }, unheeded: [] }))
  it('is done where the pods are said to speak http, whatever the Service says', () => expect(heeded('tcp-db', 'http')).toMatchObject({ analysis: { mirrorPercent: 40 }, unheeded: [] }))
  it.each([
    ['the port is named so', 'tcp-db', undefined, 'tcp'],
    ['its pods are annotated so', 'http', 'tcp', 'tcp'],
    ['the app ends TLS', 'https', undefined, 'TLS'],
    ['the app ends TLS, and its pods are said to speak http', 'https', 'http', 'TLS'],
  ])('has no effect, and is named so, where connections are passed on whole: %s', (_case, portName, annotation, kind) => {
    const { analysis, service: { policy }, unheeded } = heeded(portName, annotation)
    expect({ mirror: analysis.mirrorPercent, policy, unheeded }).toEqual({ mirror: 0, policy: undefined, unheeded: ['match', 'timeout'].map((name) => `spec.service.${name} (${kind})`).concat(`spec.analysis.mirror (${kind})`) })
  })
})
