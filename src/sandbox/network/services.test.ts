import { once } from 'node:events'
import * as net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../base/json.ts'
import { createLogger } from '../../runtime/log.ts'
import { claimBlock, realPort } from './addresses.ts'
import { buildServiceTable } from './service-table.ts'
import { startServiceProxy, type ServiceProxy } from './service-proxy.ts'

const service = (name: string, spec: JsonObject): JsonObject => ({ metadata: { name, namespace: 'shop' }, spec: { clusterIP: '127.96.0.9', ports: [{ name: 'http', port: 80 }], ...spec } })
const slice = (name: string, endpoints: readonly (readonly [string, string])[], port = 8080): JsonObject => ({
  metadata: { namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
  ports: [{ name: 'http', port }],
  endpoints: endpoints.map(([address, state]) => ({
    addresses: [address],
    conditions: { ready: state === 'ready', serving: state !== 'unready', terminating: state === 'terminating' },
  })),
})

describe('clients of a Service', () => {
  const backends = (slices: readonly JsonObject[]) => buildServiceTable([service('web', {})], slices).frontends[0]?.backends.map(({ address, port }) => `${address}:${port}`)

  it.each<{ why: string; slices: JsonObject[]; expected: string[] }>([
    { why: 'reach its ready pods', slices: [slice('web', [['a', 'ready'], ['b', 'unready'], ['c', 'terminating']])], expected: ['a:8080'] },
    { why: 'reach pods that still serve when no other is left', slices: [slice('web', [['b', 'unready'], ['c', 'terminating']])], expected: ['c:8080'] },
    { why: 'reach each slice at its own port', slices: [slice('web', [['a', 'ready']]), slice('web', [['b', 'ready']], 9090)], expected: ['a:8080', 'b:9090'] },
    { why: 'reach nobody without slices', slices: [slice('other', [['a', 'ready']])], expected: [] },
  ])('$why', ({ slices, expected }) => expect(backends(slices)).toEqual(expected))

  it('find it by name, a headless one by its pods', () =>
    expect(buildServiceTable([service('web', {}), service('peers', { clusterIP: 'None' }), service('far', { type: 'ExternalName', externalName: 'example.com' })], [slice('peers', [['b', 'ready'], ['a', 'ready'], ['c', 'unready']])]).names).toEqual({
      'web.shop': ['127.96.0.9'],
      'peers.shop': ['a', 'b'],
      'far.shop': [],
    }))

  it('reach a node port too, and never UDP', () =>
    expect(buildServiceTable([service('web', { ports: [{ name: 'http', port: 80, nodePort: 30_080 }, { name: 'dns', port: 53, protocol: 'UDP' }] })], []).frontends.map(({ address, port }) => `${address}:${port}`)).toEqual(['127.96.0.9:80', '127.0.0.1:30080']))
})

describe('the Service proxy', () => {
  let proxy: ServiceProxy
  const closing: (() => void)[] = []
  afterEach(() => {
    proxy.stop()
    for (const close of closing.splice(0)) close()
  })

  /** A pod that answers each chunk with its name. */
  const startPod = async (name: string): Promise<{ readonly address: string; readonly port: number }> => {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => undefined).on('data', (data) => void socket.write(`${name}:${data.toString()}`)).on('end', () => socket.end()))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing.push(() => server.close())
    return { address: '127.0.0.1', port: (server.address() as net.AddressInfo).port }
  }
  const connect = (address: string): net.Socket => {
    const socket = net.connect({ host: address, port: realPort(80) })
    closing.push(() => socket.destroy())
    return socket
  }
  const say = async (socket: net.Socket, text: string): Promise<string> => {
    socket.write(text)
    const [data] = (await once(socket, 'data')) as [Buffer]
    return data.toString()
  }

  it('leaves connections alone when their pod is no longer an endpoint, refuses new ones at once, and serves again', async () => {
    const block = await claimBlock(100)
    closing.push(() => block.release())
    const address = `${block.servicePrefix}.0.7`
    proxy = startServiceProxy(createLogger('error'))
    const at = (...backends: readonly { readonly address: string; readonly port: number }[]) => proxy.apply([{ title: 'shop/web:80', address, port: 80, backends }])
    at(await startPod('a'))
    await proxy.settled()
    const first = connect(address)
    expect(await say(first, '1')).toBe('a:1')

    at()
    const [refused] = (await once(connect(address), 'error')) as [NodeJS.ErrnoException]
    expect(refused.code).toBe('ECONNREFUSED')
    expect(await say(first, '2')).toBe('a:2')

    at(await startPod('b'))
    await proxy.settled()
    expect(await say(connect(address), '3')).toBe('b:3')
    first.end()
    await once(first, 'close')
  })

  it('resets a client whose pod is not there', async () => {
    const block = await claimBlock(101)
    closing.push(() => block.release())
    proxy = startServiceProxy(createLogger('error'))
    proxy.apply([{ title: 'shop/web:80', address: `${block.servicePrefix}.0.7`, port: 80, backends: [{ address: block.nodeAddress, port: 9 }] }])
    await proxy.settled()
    const [error] = (await once(connect(`${block.servicePrefix}.0.7`), 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
  })
})

describe('address blocks', () => {
  it('are never shared', async () => {
    const [a, b] = [await claimBlock(50), await claimBlock(50)]
    expect(a.servicePrefix).not.toBe(b.servicePrefix)
    expect(a.takePodAddress()).toMatch(/^127\.244\.\d+\.2$/)
    a.release()
    b.release()
  })
})
