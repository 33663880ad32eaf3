import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { resources } from '../api/resources.ts'
import { createAuthority, issueLeaf } from '../certs/issue.ts'
import { createClient, warningsIn } from './client.ts'
import { loadKubeConfig } from './config.ts'
import { connectTo } from './connection.ts'
import { FakeApi, hastyClock, realClock, reply, status, until } from './fake-api.testkit.ts'

const collection = '/api/v1/namespaces/shop/configmaps'
const at = { namespace: 'shop', name: 'a1' }
const configMap = (name: string, value = 'x') => ({ metadata: { namespace: 'shop', name }, data: { key: value } })

let api: FakeApi
beforeEach(async () => {
  api = await new FakeApi().start()
})
afterEach(() => api.stop())

const codeOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'no error', (error: { code: unknown }) => error.code)

describe('the client', () => {
  it('creates, reads, replaces, patches and deletes raw objects, unknown fields and all', async () => {
    const client = api.client()
    const created = await client.create(resources.configMaps, { ...configMap('a1'), futureField: { deep: [1] } })
    expect(created).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', futureField: { deep: [1] } })
    const replaced = await client.replace(resources.configMaps, { ...created, data: { key: 'y' } })
    expect(replaced).toMatchObject({ data: { key: 'y' }, futureField: { deep: [1] } })
    expect(await codeOf(client.replace(resources.configMaps, created))).toBe('CONFLICT')
    await client.patch(resources.configMaps, at, { type: 'merge', body: { data: { key: 'z' } } }, { subresource: 'status' }).catch(() => undefined)
    await client.apply(resources.configMaps, configMap('a1'), { force: true })
    expect(await client.list(resources.configMaps, { namespace: 'shop' })).toHaveLength(1)
    await client.delete(resources.configMaps, at, { propagationPolicy: 'Background', preconditions: { resourceVersion: '3' } })
    expect(await client.find(resources.configMaps, at)).toBeUndefined()
    expect(api.requests).toEqual([
      `POST ${collection}?fieldManager=test`,
      `PUT ${collection}/a1?fieldManager=test`,
      `PUT ${collection}/a1?fieldManager=test`,
      `PATCH ${collection}/a1/status?fieldManager=test`,
      `PATCH ${collection}/a1?fieldManager=test&force=true`,
      `GET ${collection}?limit=500`,
      `DELETE ${collection}/a1`,
      `GET ${collection}/a1`,
    ])
    expect(api.headers.map((headers) => headers['content-type']).slice(3, 5)).toEqual(['application/merge-patch+json', 'application/apply-patch+yaml'])
    expect(api.headers[0]).toMatchObject({ authorization: 'Bearer secret', 'user-agent': 'kinglet' })
  })

  it('reads all pages, and gives items their kind', async () => {
    for (let index = 0; index < 7; index += 1) api.put(collection, configMap(`a${index}`))
    const items = await api.client().list(resources.configMaps, { namespace: 'shop', pageSize: 3, labelSelector: 'a=b' })
    expect(items.map(({ kind }) => kind)).toEqual(Array(7).fill('ConfigMap'))
    expect(api.requests.map((line) => new URL(line.slice(4), 'http://x').searchParams.get('continue'))).toEqual([null, '3', '6'])
  })

  it('keeps its connection', async () => {
    const client = api.client()
    const ports = new Set<number | undefined>()
    api.intercept = (request) => {
      ports.add(request.socket.remotePort)
      return false
    }
    for (let round = 0; round < 5; round += 1) await client.find(resources.configMaps, at)
    expect(ports.size).toBe(1)
  })

  it('says what an admission webhook warned of', async () => {
    const warnings: string[] = []
    api.intercept = (_request, response) => {
      reply(response, 200, {}, { warning: '299 - "first, \\"quoted\\"", 299 - "second"' })
      return true
    }
    await api.client(realClock, { onWarning: (text) => warnings.push(text) }).find(resources.configMaps, at)
    expect(warnings).toEqual(['first, "quoted"', 'second'])
    expect(warningsIn(undefined)).toEqual([])
  })

  it.each<[number, string | undefined, string, boolean]>([
    [400, 'BadRequest', 'BAD_REQUEST', false],
    [401, 'Unauthorized', 'UNAUTHORIZED', false],
    [403, 'Forbidden', 'FORBIDDEN', false],
    [404, 'NotFound', 'NOT_FOUND', false],
    [409, 'AlreadyExists', 'ALREADY_EXISTS', false],
    [409, 'Conflict', 'CONFLICT', true],
    [410, 'Expired', 'GONE', false],
    [410, undefined, 'GONE', false],
    [415, undefined, 'NOT_SUPPORTED', false],
    [413, undefined, 'TOO_LARGE', false],
    [422, 'Invalid', 'INVALID', false],
    [500, 'InternalError', 'INTERNAL', true],
    [502, undefined, 'UNAVAILABLE', true],
    [503, 'ServiceUnavailable', 'UNAVAILABLE', true],
    [504, 'Timeout', 'TIMEOUT', true],
  ])('calls HTTP %i %s %s', async (code, reason, expected, retryable) => {
    api.intercept = (_request, response) => {
      reply(response, code, reason === undefined ? { message: 'because' } : status(code, reason, 'because', { name: 'a1' }))
      return true
    }
    const failed = api.client().get(resources.configMaps, at)
    await expect(failed).rejects.toMatchObject({ code: expected, retryable, message: 'because', status: code })
  })

  it('waits as it is told by 429, and tries again', async () => {
    let left = 2
    api.intercept = (_request, response) => {
      if (left-- <= 0) return false
      reply(response, 429, status(429, 'TooManyRequests', 'slow down'), { 'retry-after': '1' })
      return true
    }
    api.put(collection, configMap('a1'))
    expect(await api.client(hastyClock, { timeoutMs: 60_000 }).get(resources.configMaps, at)).toMatchObject({ data: { key: 'x' } })
    expect(api.requests).toHaveLength(3)
  })

  it('takes the 429 of an eviction for the answer that it is: a budget keeps the pod', async () => {
    api.intercept = (_request, response) => {
      reply(response, 429, status(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget."), { 'retry-after': '10' })
      return true
    }
    await expect(api.client(hastyClock, { timeoutMs: 60_000 }).evict({ namespace: 'ns', name: 'p' }, { uid: 'u1' })).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS', message: expect.stringContaining('disruption budget') as unknown })
    expect(api.requests).toEqual(['POST /api/v1/namespaces/ns/pods/p/eviction'])
  })

  it('gives up with the last answer when the time is over', async () => {
    const waits = ['1', '600']
    api.intercept = (_request, response) => {
      reply(response, 429, status(429, 'TooManyRequests', 'slow down'), { 'retry-after': waits.shift() ?? '' })
      return true
    }
    expect(await codeOf(api.client(hastyClock, { timeoutMs: 500_000 }).get(resources.configMaps, at))).toBe('TOO_MANY_REQUESTS')
    expect(waits).toEqual([])
  })

  it('ends a call that is not answered in time', async () => {
    api.intercept = () => true
    expect(await codeOf(api.client().get(resources.configMaps, at, { timeoutMs: 30 }))).toBe('TIMEOUT')
  })

  it('ends a call whose answer stops in the middle', async () => {
    api.intercept = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"a":')
      return true
    }
    expect(await codeOf(api.client().get(resources.configMaps, at, { timeoutMs: 50 }))).toBe('TIMEOUT')
  })

  it('ends a call that is called off, before and during', async () => {
    api.intercept = () => true
    const calledOff = new AbortController()
    const during = codeOf(api.client().get(resources.configMaps, at, { signal: calledOff.signal }))
    await until('the request has come', () => api.requests.length === 1)
    calledOff.abort()
    expect(await during).toBe('ABORTED')
    expect(await codeOf(api.client().get(resources.configMaps, at, { signal: calledOff.signal }))).toBe('ABORTED')
    expect(api.requests).toHaveLength(1)
  })

  it.each([
    ['cut short', '{"a":1', { 'content-length': '50' }, 'UNAVAILABLE'],
    ['not JSON', '<html>', {}, 'BAD_ANSWER'],
    ['no object', '[]', {}, 'BAD_ANSWER'],
  ])('says so when the answer is %s', async (_case, text, headers, code) => {
    api.intercept = (request, response) => {
      response.writeHead(200, headers)
      response.write(text)
      if (code === 'UNAVAILABLE') setTimeout(() => request.socket.destroy(), 20)
      else response.end()
      return true
    }
    expect(await codeOf(api.client().get(resources.configMaps, at))).toBe(code)
  })

  it('says so when nobody is there', async () => {
    const { url } = api
    const client = createClient(connectTo({ server: url }), realClock)
    await api.stop()
    expect(await codeOf(client.get(resources.configMaps, at))).toBe('UNAVAILABLE')
    await api.start()
  })

  it('reads once more when a kept connection was closed under it, but writes only once', async () => {
    const client = api.client()
    api.put(collection, configMap('a1'))
    let cut = false
    api.intercept = (request) => {
      if (cut) request.socket.destroy()
      const isCut = cut
      cut = false
      return isCut
    }
    await client.get(resources.configMaps, at)
    cut = true
    expect(await client.get(resources.configMaps, at)).toMatchObject({ data: { key: 'x' } })
    cut = true
    expect(await codeOf(client.create(resources.configMaps, configMap('b1')))).toBe('UNAVAILABLE')
    expect(api.object(`${collection}/b1`)).toBeUndefined()
  })

  it('finds the path of a kind that is not one of ours', async () => {
    api.intercept = (_request, response) => {
      reply(response, 200, { resources: [{ name: 'jobs/status', kind: 'Job', namespaced: true }, { name: 'jobs', kind: 'Job', namespaced: true }] })
      return true
    }
    expect(await api.client().discover('batch/v1', 'Job')).toEqual({ group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true })
    expect(await codeOf(api.client().discover('batch/v1', 'Sob'))).toBe('NOT_FOUND')
  })

  it('refuses to guess an address', () => expect(() => api.client().get(resources.configMaps, { name: 'a1' })).toThrow('without metadata.namespace'))
})

describe('over TLS', () => {
  it('trusts the given CA, no other, and follows the kubeconfig file', async () => {
    const now = Date.now()
    const authority = await createAuthority({ validMs: 3_600_000, now })
    const leaf = await issueLeaf(authority, { names: ['127.0.0.1'], validMs: 3_600_000, now })
    const secure = await new FakeApi({ key: leaf.keyPem, cert: leaf.certPem }).start()
    secure.put(collection, configMap('a1'))
    expect(await secure.client(realClock, { ca: authority.certPem }).get(resources.configMaps, at)).toMatchObject({ data: { key: 'x' } })
    expect(await codeOf(secure.client().get(resources.configMaps, at))).toBe('UNTRUSTED')

    const file = path.join(mkdtempSync(path.join(tmpdir(), 'kinglet-kubeconfig-')), 'config')
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'a',
      clusters: [{ name: 'c', cluster: { server: secure.url, 'certificate-authority-data': Buffer.from(authority.certPem).toString('base64') } }],
      users: [{ name: 'u', user: { token: 'from-the-file' } }],
      contexts: [{ name: 'a', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
    }
    writeFileSync(file, JSON.stringify(kubeconfig))
    const connection = loadKubeConfig({ kubeconfig: file })
    expect(connection.namespace).toBe('shop')
    expect(await createClient(connection, realClock).get(resources.configMaps, at)).toMatchObject({ data: { key: 'x' } })
    expect(secure.headers.at(-1)).toMatchObject({ authorization: 'Bearer from-the-file' })
    expect(() => loadKubeConfig({ kubeconfig: `${file}-not-there` })).toThrow('cannot read the kubeconfig')
    expect(() => loadKubeConfig({ kubeconfig: file, context: 'b' })).toThrow('no cluster in the kubeconfig for context "b"')
    connection.close()
    await secure.stop()
  })
})
