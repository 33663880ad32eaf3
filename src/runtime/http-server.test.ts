import http from 'node:http'
import net from 'node:net'
import { describe, expect, it } from 'vitest'
import { closeServer, createHealthServer, listen } from './http-server.ts'

const get = (port: number, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = http.get({ port, path, agent: false }, (response) => {
      let text = `${response.statusCode} `
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve(text.trim()))
    })
    request.on('error', reject)
  })

describe('the health server', () => {
  it('answers probes with what is missing, and hands other paths on', async () => {
    let missing: string | undefined = 'no certificate yet'
    const server = createHealthServer({ healthy: () => undefined, ready: () => missing }, (path) => Promise.resolve(path === '/metrics' ? { status: 200, type: 'text/plain', text: 'up 1' } : undefined))
    const port = await listen(server, 0)
    expect(await get(port, '/healthz')).toBe('200 ok')
    expect(await get(port, '/readyz?verbose')).toBe('503 no certificate yet')
    missing = undefined
    expect(await get(port, '/readyz')).toBe('200 ok')
    expect(await get(port, '/metrics')).toBe('200 up 1')
    expect(await get(port, '/other')).toBe('404 not found')
    await closeServer(server, 1_000)
  })

  it('says where it could not listen', async () => {
    const server = createHealthServer({ healthy: () => undefined, ready: () => undefined })
    const port = await listen(server, 0)
    await expect(listen(http.createServer(), port)).rejects.toMatchObject({ code: 'LISTEN_FAILED', message: expect.stringContaining(String(port)) as string })
    await closeServer(server, 1_000)
  })
})

describe('closing a server', () => {
  it('cuts what has not ended in time', async () => {
    const server = http.createServer(() => undefined)
    const port = await listen(server, 0)
    const client = net.connect(port, '127.0.0.1')
    const closed = new Promise<void>((resolve) => client.on('close', () => resolve()))
    client.on('error', () => undefined)
    await new Promise<void>((resolve) => {
      server.on('request', () => resolve())
      client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    })
    await closeServer(server, 10)
    await closed
  })
})
