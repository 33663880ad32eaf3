import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import { resources, type Address, type Resource } from '../api/resources.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { isObject, listAt, objectAt, stringAt, type JsonArray, type JsonObject } from '../base/json.ts'
import { reconcileCaBundle, secretNames, startCertificates } from './certificates.ts'
import { createAuthority, issueLeaf } from './issue.ts'
import { serviceNames } from './names.ts'
import { ensureAuthority, type CertificateClient } from './secrets.ts'
import { faultOfAuthority, faultOfLeaf, splitPem } from './validate.ts'

const now = Date.parse('2026-06-01T00:00:00Z')
const day = 86_400_000
const namespace = 'kinglet-system'

/** An API server that keeps resourceVersions; `meanwhile` runs between a look and the write that follows. */
class FakeCluster implements CertificateClient {
  readonly objects = new Map<string, JsonObject>()
  writes = 0
  meanwhile: (() => void) | undefined
  #version = 0

  put(resource: Resource, object: JsonObject): JsonObject {
    this.#version += 1
    const stored = { ...object, metadata: { ...objectAt(object, 'metadata'), resourceVersion: String(this.#version) } }
    this.objects.set(keyOf(resource, { name: stringAt(object, 'metadata', 'name') ?? '', namespace: stringAt(object, 'metadata', 'namespace') ?? '' }), stored)
    return stored
  }
  find(resource: Resource, at: Address): Promise<JsonObject | undefined> {
    const found = this.objects.get(keyOf(resource, { namespace: '', ...at }))
    const change = this.meanwhile
    this.meanwhile = undefined
    change?.()
    return Promise.resolve(found)
  }
  create(resource: Resource, object: JsonObject): Promise<JsonObject> {
    const key = keyOf(resource, { name: stringAt(object, 'metadata', 'name') ?? '', namespace: stringAt(object, 'metadata', 'namespace') ?? '' })
    if (this.objects.has(key)) return Promise.reject(new AppError('ALREADY_EXISTS', 'exists'))
    this.writes += 1
    return Promise.resolve(this.put(resource, object))
  }
  replace(resource: Resource, object: JsonObject): Promise<JsonObject> {
    const key = keyOf(resource, { name: stringAt(object, 'metadata', 'name') ?? '', namespace: stringAt(object, 'metadata', 'namespace') ?? '' })
    if (stringAt(this.objects.get(key), 'metadata', 'resourceVersion') !== stringAt(object, 'metadata', 'resourceVersion')) {
      return Promise.reject(new AppError('CONFLICT', 'newer'))
    }
    this.writes += 1
    return Promise.resolve(this.put(resource, object))
  }
  async patch(resource: Resource, at: Address, patch: { readonly body: JsonArray }): Promise<JsonObject> {
    const key = keyOf(resource, { namespace: '', ...at })
    const found = structuredClone(this.objects.get(key) ?? {}) as { webhooks: { clientConfig: Record<string, unknown> }[]; metadata: { resourceVersion: string } }
    for (const operation of patch.body.filter(isObject)) {
      const [, field, index] = String(operation['path'] as string).split('/')
      if (operation['op'] === 'test' && found.metadata.resourceVersion !== operation['value']) throw new AppError('INVALID', 'test failed')
      if (field === 'webhooks') Object.assign(found.webhooks[Number(index)]?.clientConfig ?? {}, { caBundle: operation['value'] })
    }
    this.writes += 1
    return this.put(resource, found as unknown as JsonObject)
  }
  data(name: string, key: string): string {
    return Buffer.from(stringAt(this.objects.get(keyOf(resources.secrets, { namespace, name })), 'data', key) ?? '', 'base64').toString()
  }
}

const keyOf = (resource: Resource, at: Address): string => `${resource.plural}/${at.namespace ?? ''}/${at.name}`
const configuration = (...bundles: readonly (string | undefined)[]): JsonObject => ({
  kind: 'MutatingWebhookConfiguration',
  metadata: { name: 'kinglet' },
  webhooks: bundles.map((caBundle) => ({ clientConfig: { service: { name: 'kinglet-webhook' }, ...(caBundle === undefined ? {} : { caBundle }) } })),
})

/** A clock that stands until it is told. */
function handClock(start: number) {
  let time = start
  let timers: { at: number; callback: () => void }[] = []
  const clock: Clock = {
    now: () => time,
    after: (ms, callback) => {
      const timer = { at: time + ms, callback }
      timers.push(timer)
      return () => void (timers = timers.filter((other) => other !== timer))
    },
  }
  const advance = (ms: number): void => {
    time += ms
    const due = timers.filter(({ at }) => at <= time)
    timers = timers.filter(({ at }) => at > time)
    for (const { callback } of due) callback()
  }
  return { clock, advance }
}

const start = (client: FakeCluster, clock: Clock, onConfigurationChange?: (listener: () => void) => () => void) =>
  startCertificates({ client, clock, namespace, webhookConfiguration: 'kinglet', ...(onConfigurationChange ? { onConfigurationChange } : {}) })

describe('a new CA and its leaf', () => {
  it('are what RFC 5280 and Go ask for', async () => {
    const authority = await createAuthority({ validMs: 365 * day, now })
    const other = await createAuthority({ validMs: 365 * day, now })
    const leaf = await issueLeaf(authority, { names: ['kinglet-webhook.kinglet-system.svc', '127.0.0.1'], validMs: 30 * day, now })
    const [ca, certificate] = [new X509Certificate(authority.certPem), new X509Certificate(leaf.certPem)]
    expect(ca.ca).toBe(true)
    expect(certificate.ca).toBe(false)
    expect(certificate.validFromDate.getTime()).toBe(now - 3_600_000)
    expect(certificate.serialNumber).toMatch(/^[0-9A-F]{32}$/)
    expect(new X509Certificate(other.certPem).subject).not.toBe(ca.subject)
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(certificate.subjectAltName).toBe('DNS:kinglet-webhook.kinglet-system.svc, IP Address:127.0.0.1')
    expect(faultOfAuthority(authority, now)).toBeUndefined()
    expect(faultOfLeaf(leaf, authority.certPem, ['kinglet-webhook.kinglet-system.svc', '127.0.0.1'], now)).toBeUndefined()
    expect(faultOfLeaf(leaf, other.certPem + authority.certPem, [], now)).toBeUndefined()
    expect(faultOfLeaf(leaf, other.certPem, [], now)).toContain('signed by none')
    expect(faultOfLeaf(leaf, authority.certPem, ['example.com'], now)).toContain('example.com')
    expect(faultOfLeaf(leaf, authority.certPem, [], now + 31 * day)).toContain('expired')
    expect(faultOfLeaf(leaf, authority.certPem, [], now - 2 * day)).toContain('not valid before')
    expect(faultOfLeaf({ ...leaf, keyPem: authority.keyPem }, authority.certPem, [], now)).toContain('key')
    expect(faultOfLeaf({ certPem: 'x', keyPem: 'y' }, authority.certPem, [], now)).toBe('it is not a certificate')
  })

  it('carry a TLS 1.3 handshake for a client that trusts the CA alone', async () => {
    const clock = Date.now()
    const authority = await createAuthority({ validMs: day, now: clock })
    const leaf = await issueLeaf(authority, { names: ['kinglet-controller.kinglet-system.svc'], validMs: day, now: clock })
    const server = tls.createServer({ key: leaf.keyPem, cert: leaf.certPem, minVersion: 'TLSv1.3' }, (socket) => socket.end('hello'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const text = await new Promise<string>((resolve, reject) => {
      const socket = tls.connect({ port, host: '127.0.0.1', ca: authority.certPem, servername: 'kinglet-controller.kinglet-system.svc' })
      socket.on('data', (data) => resolve(data.toString()))
      socket.on('error', reject)
    })
    expect(text).toBe('hello')
    server.close()
  })
})

describe('keeping certificates', () => {
  it('makes a CA, a leaf for the webhook and the caBundle in an empty cluster, and then nothing more', async () => {
    const cluster = new FakeCluster()
    cluster.put(resources.mutatingWebhookConfigurations, configuration(undefined, undefined, 'stale'))
    const { clock } = handClock(now)
    const certificates = await start(cluster, clock)
    const leaf = { certPem: cluster.data(secretNames.webhook, 'tls.crt'), keyPem: cluster.data(secretNames.webhook, 'tls.key') }
    expect(cluster.data(secretNames.webhook, 'ca.crt')).toBe(certificates.caPem())
    expect(faultOfLeaf(leaf, certificates.caPem(), serviceNames('kinglet-webhook', namespace), now)).toBeUndefined()
    expect(faultOfLeaf(certificates.streamLeaf(), certificates.caPem(), serviceNames('kinglet-controller', namespace), now)).toBeUndefined()
    const bundles = listAt(await cluster.find(resources.mutatingWebhookConfigurations, { name: 'kinglet' }), 'webhooks').map((webhook) => stringAt(webhook, 'clientConfig', 'caBundle'))
    expect(bundles).toEqual(Array(3).fill(Buffer.from(certificates.caPem()).toString('base64')))
    await certificates.stop()
    const writes = cluster.writes
    const again = await start(cluster, clock)
    expect(cluster.writes).toBe(writes)
    expect(again.caPem()).toBe(certificates.caPem())
    await again.stop()
  })

  it('two controllers that come at once end with one CA and a leaf of it', async () => {
    const cluster = new FakeCluster()
    const { clock } = handClock(now)
    const [first, second] = await Promise.all([start(cluster, clock), start(cluster, clock)])
    expect(first.caPem()).toBe(second.caPem())
    expect(cluster.data(secretNames.authority, 'ca.crt')).toBe(first.caPem())
    const leaf = { certPem: cluster.data(secretNames.webhook, 'tls.crt'), keyPem: cluster.data(secretNames.webhook, 'tls.key') }
    expect(faultOfLeaf(leaf, first.caPem(), [], now)).toBeUndefined()
    await Promise.all([first.stop(), second.stop()])
  })

  it('replaces a CA that cannot sign, and only if nobody else did', async () => {
    const cluster = new FakeCluster()
    const at = { namespace, name: secretNames.authority }
    cluster.put(resources.secrets, { metadata: at, data: { 'ca.crt': 'bm9uc2Vuc2U=' } })
    const good = await createAuthority({ validMs: day, now })
    cluster.meanwhile = () => cluster.put(resources.secrets, { metadata: at, data: { 'ca.crt': Buffer.from(good.certPem).toString('base64'), 'ca.key': Buffer.from(good.keyPem).toString('base64') } })
    expect((await ensureAuthority(cluster, at, now)).bundle).toBe(good.certPem)
    expect((await ensureAuthority(cluster, at, now + 2 * day)).bundle).not.toBe(good.certPem)
  })

  it('stays where the clock of this controller is behind that of the one that made it: every sidecar trusts it already', async () => {
    const cluster = new FakeCluster()
    const at = { namespace, name: secretNames.authority }
    const { bundle } = await ensureAuthority(cluster, at, now)
    const hand = handClock(now - 3 * 3_600_000)
    cluster.put(resources.mutatingWebhookConfigurations, configuration(undefined))
    const certificates = await start(cluster, hand.clock)
    expect(certificates.caPem()).toBe(bundle)
    expect(faultOfLeaf(certificates.streamLeaf(), bundle, [], now)).toBeUndefined()
    await certificates.stop()
  })

  it('adopts a bundle of several CAs: its first one signs', async () => {
    const cluster = new FakeCluster()
    const at = { namespace, name: secretNames.authority }
    const [signer, older] = await Promise.all([createAuthority({ validMs: day, now }), createAuthority({ validMs: day, now })])
    const bundle = signer.certPem + older.certPem
    cluster.put(resources.secrets, { metadata: at, data: { 'ca.crt': Buffer.from(bundle).toString('base64'), 'ca.key': Buffer.from(signer.keyPem).toString('base64') } })
    const authority = await ensureAuthority(cluster, at, now)
    expect(splitPem(authority.bundle)).toHaveLength(2)
    expect(authority.signer.keyPem).toBe(signer.keyPem)
  })

  it('renews leaves at half of their life, and tells', async () => {
    const cluster = new FakeCluster()
    const { clock, advance } = handClock(now)
    const certificates = await start(cluster, clock)
    const [shared, own] = [cluster.data(secretNames.webhook, 'tls.crt'), certificates.streamLeaf()]
    const told = new Promise<void>((resolve) => void certificates.subscribe(resolve))
    advance(16 * day)
    await told
    expect(cluster.data(secretNames.webhook, 'tls.crt')).not.toBe(shared)
    expect(certificates.streamLeaf()).not.toBe(own)
    await certificates.stop()
  })

  it('puts the caBundle back when the manifest was applied again', async () => {
    const cluster = new FakeCluster()
    cluster.put(resources.mutatingWebhookConfigurations, configuration(undefined))
    let changed = (): void => undefined
    const { clock } = handClock(now)
    const certificates = await start(cluster, clock, (listener) => {
      changed = listener
      return () => undefined
    })
    cluster.put(resources.mutatingWebhookConfigurations, configuration(undefined))
    changed()
    changed()
    await certificates.stop()
    const webhook = listAt(cluster.objects.get('mutatingwebhookconfigurations//kinglet'), 'webhooks')[0]
    expect(stringAt(webhook, 'clientConfig', 'caBundle')).toBe(Buffer.from(certificates.caPem()).toString('base64'))
  })

  it('looks again when the configuration changed under its hands', async () => {
    const cluster = new FakeCluster()
    cluster.put(resources.mutatingWebhookConfigurations, configuration(undefined))
    cluster.meanwhile = () => cluster.put(resources.mutatingWebhookConfigurations, configuration(undefined, undefined))
    expect(await reconcileCaBundle(cluster, 'kinglet', 'PEM')).toBe(true)
    const webhooks = listAt(cluster.objects.get('mutatingwebhookconfigurations//kinglet'), 'webhooks')
    expect(webhooks.map((webhook) => stringAt(webhook, 'clientConfig', 'caBundle'))).toEqual(['UEVN', 'UEVN'])
  })

  it('is content where there is no configuration', async () => expect(await reconcileCaBundle(new FakeCluster(), 'kinglet', 'PEM')).toBe(false))
})
