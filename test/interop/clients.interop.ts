import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEchoApp, type EchoApp } from './lib/echo-app.ts'
import { startSidecar, type Sidecar } from './lib/sidecar.ts'
import { goProgram, peerFile, python, run } from './lib/tools.ts'

let app: EchoApp
let sidecar: Sidecar
beforeAll(async () => {
  app = await startEchoApp()
  sidecar = await startSidecar(app.port)
})
afterAll(async () => {
  await sidecar.stop()
  app.close()
})

const url = (path: string): string => `http://127.0.0.1:${sidecar.route}${path}`
const curl = async (...args: readonly string[]): Promise<string> => {
  const ran = await run('curl', ['--silent', '--show-error', '--max-time', '20', ...args])
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  return ran.stdout
}
const recorded = async (): Promise<Record<string, number>> => {
  const { requests } = await sidecar.stats()
  return Object.fromEntries(requests.map(({ outcome, count }) => [outcome, count]))
}
/** What was recorded while `what` ran, by outcome. */
async function added(what: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await recorded()
  await what()
  const after = await recorded()
  return Object.fromEntries(Object.entries(after).map(([outcome, count]) => [outcome, count - (before[outcome] ?? 0)]).filter(([, count]) => count !== 0))
}

describe('curl', () => {
  it('gets, posts, uploads in chunks and deletes over one connection', async () => {
    const output = await curl(url('/a?b=c'), '--next', '-s', '-d', 'x=1', url('/form'), '--next', '-s', '-H', 'Transfer-Encoding: chunked', '-d', 'hello', url('/chunks'), '--next', '-s', '-X', 'DELETE', url('/gone'))
    expect(output).toBe(
      ['{"method":"GET","path":"/a?b=c","body":"","trailer":""}', '{"method":"POST","path":"/form","body":"x=1","trailer":""}', '{"method":"POST","path":"/chunks","body":"hello","trailer":""}', '{"method":"DELETE","path":"/gone","body":"","trailer":""}'].join(''),
    )
  })

  it('waits for 100 Continue from the app before it sends a large body', async () => {
    const ran = await run('curl', ['-sv', '--max-time', '20', '--expect100-timeout', '15', '-H', 'Expect: 100-continue', '--data-binary', '@-', url('/upload')], { stdin: 'y'.repeat(2_000_000) })
    expect(ran.stderr).toContain('< HTTP/1.1 100 Continue')
    expect(ran.stdout).toHaveLength('{"method":"POST","path":"/upload","body":"","trailer":""}'.length + 2_000_000)
  })

  it('sees a 103, and a trailer', async () => {
    expect(await curl('-i', url('/hints'))).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nLink: <\/style\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK/i)
    expect(await curl('-i', url('/trailers'))).toMatch(/x-sum: 5/i)
  })

  it('speaks HTTP/1.0', async () => {
    expect(await curl('-i', '--http1.0', url('/bytes/3'))).toMatch(/^HTTP\/1\.1 200 OK[^]*\r\n\r\nxxx$/)
  })
})

describe('Go', () => {
  it('gets, posts with and without a length, asks for the head, waits for 100 and sends trailers', async () => {
    const ran = await run(goProgram('go-http'), ['ask', url('')])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    const answers = JSON.parse(ran.stdout) as { readonly status: number; readonly body: string }[]
    expect(answers.map(({ status, body }) => [status, body === '' ? '' : JSON.parse(body)])).toEqual([
      [200, { method: 'GET', path: '/get', body: '', trailer: '' }],
      [200, { method: 'POST', path: '/post', body: 'hello', trailer: '' }],
      [200, { method: 'POST', path: '/chunked', body: 'hello', trailer: '' }],
      [200, ''],
      [200, { method: 'DELETE', path: '/delete', body: 'hello', trailer: '5' }],
    ])
  })

  it('hey loses nothing, and each request is counted once', async () => {
    const counts = await added(async () => {
      const ran = await run(goProgram('hey'), ['-n', '5000', '-c', '20', '-m', 'POST', '-d', 'z'.repeat(4096), url('/hey')])
      expect(ran.stdout).toMatch(/\[200\]\s+5000 responses/)
      expect(ran.stdout).not.toContain('Error distribution')
    })
    expect(counts).toEqual({ '2xx': 5000 })
  })
})

describe('Python', () => {
  it('http.client and requests do what they do with any server', async () => {
    const ran = await run(python, [peerFile('python-client.py'), String(sidecar.route)])
    expect(ran).toEqual({ code: 0, stdout: 'ok\n', stderr: '' })
  })
})

describe('load generators', () => {
  it('wrk sees no error', async () => {
    const ran = await run('wrk', ['-t1', '-c50', '-d3s', url('/bytes/10240')])
    expect(ran.code).toBe(0)
    expect(ran.stdout).toMatch(/\d+ requests in/)
    expect(ran.stdout).not.toMatch(/Socket errors|Non-2xx/)
  })

  it('h2load in HTTP/1.1, pipelining, gets every answer', async () => {
    const counts = await added(async () => {
      const ran = await run('h2load', ['--h1', '-n', '4000', '-c', '10', '-m', '8', url('/bytes/100')])
      expect(ran.stdout).toContain('4000 total, 4000 started, 4000 done, 4000 succeeded, 0 failed, 0 errored, 0 timeout')
    })
    expect(counts).toEqual({ '2xx': 4000 })
  })
})
