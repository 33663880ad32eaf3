import { describe, expect, it } from 'vitest'
import { unheededFields } from './unheeded.ts'

describe('fields of Flagger that have no effect', () => {
  it('are named by their path, whatever they configure', () =>
    expect(
      unheededFields({
        provider: 'istio',
        metricsServer: 'http://prometheus:9090',
        ingressRef: { kind: 'Ingress', name: 'web' },
        service: { port: 80, gateways: ['mesh'], hosts: ['app.example.com'], trafficPolicy: { tls: { mode: 'DISABLE' } } },
        analysis: { alerts: [{ name: 'on-call' }], webhooks: [{ name: 'load', url: 'http://x' }, { name: 'tell', type: 'event', url: 'http://x' }, { name: 'after', type: 'post-rollout', url: 'http://x' }] },
      }),
    ).toEqual(['spec.ingressRef', 'spec.service.gateways', 'spec.service.hosts', 'spec.service.trafficPolicy', 'spec.analysis.alerts', 'spec.analysis.webhooks[1] (event)', 'spec.analysis.webhooks[2] (post-rollout)']))

  it('are named where what they are about leaves them no effect: copies are made before weights and in blue/green, not in A/B tests', () => {
    const match = [{ headers: { 'x-canary': { exact: 'yes' } } }]
    expect(unheededFields({ analysis: { mirror: true, iterations: 5, match } })).toEqual(['spec.analysis.mirror (A/B testing)'])
    expect(unheededFields({ analysis: { mirror: true, iterations: 5 } })).toEqual([])
    expect(unheededFields({ analysis: { mirror: true, stepWeight: 5, match } })).toEqual([])
    expect(unheededFields({ analysis: { mirror: false, iterations: 5, match } })).toEqual([])
  })

  it('are not those that are empty or off', () => expect(unheededFields({ service: { gateways: [], delegation: false, trafficPolicy: {}, meshName: '' }, analysis: { alerts: [] } })).toEqual([]))
})
