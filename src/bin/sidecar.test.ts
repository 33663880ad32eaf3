import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority, issueLeaf, type KeyedCertificate } from '../certs/issue.ts'
import { startFakeController, type FakeController } from '../proxy/testing/fake-controller.ts'
import { localTable } from '../routing/routes.ts'
import { executable, onNode, startProgram, type Started } from './sidecar.testkit.ts'

const anyPorts = ['--route-port', '0', '--direct-port', '0', '--admin-port', '0']
const local = ['--host', '127.0.0.1', ...anyPorts]
const noDrain = ['--drain-min-ms', '0', '--drain-quiet-ms', '0']
const hasIpv6 = Object.values(networkInterfaces()).flat().some((address) => address?.address === '::1')
const hosts = ['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])]
const urlOf = (host: string, port: number, path = '/'): string => `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`

// The engine is the same; what differs between the two is what a runtime does around it.
describe.each([onNode, ...(existsSync(executable.command) ? [executable] : [])])('the sidecar $name', (program) => {
  let folder: string
  let authority: KeyedCertificate
  let controller: FakeController
  const running: Started[] = []
  const start = (args: readonly string[], options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}): Started => {
    const started = startProgram(program, ['proxy', ...args], options)
    running.push(started)
    return started
  }
  /** Its ports, when it listens. */
  const portsOf = async (sidecar: Started) => {
    await expect.poll(() => sidecar.stderr(), { timeout: 20_000 }).toContain('"message":"listening"')
    const line = sidecar.stderr().split('\n').find((one) => one.includes('"listening"')) ?? ''
    return JSON.parse(line) as { readonly route: number; readonly direct: number; readonly admin: number }
  }
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kinglet-sidecar-'))
    writeFileSync(join(folder, 'token'), 'secret\n')
    authority = await createAuthority({ validMs: 3_600_000, now: Date.now() })
    controller = await startFakeController(await issueLeaf(authority, { names: ['localhost'], validMs: 3_600_000, now: Date.now() }))
  })
  afterEach(async () => {
    for (const sidecar of running.splice(0)) {
      sidecar.signal('SIGKILL')
      await sidecar.ended
    }
  })
  afterAll(() => {
    controller.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('prints its ports as JSON, serves alone, and leaves on SIGTERM', async () => {
    const sidecar = start(['--app', '127.0.0.1:1', ...local, ...noDrain])
    const { route, admin } = await portsOf(sidecar)
    expect((await fetch(urlOf('127.0.0.1', route))).status).toBe(503)
    expect((await fetch(urlOf('127.0.0.1', admin, '/readyz'))).status).toBe(200)
    expect(await (await fetch(urlOf('127.0.0.1', admin, '/metrics'))).text()).toContain('# TYPE kinglet_')
    sidecar.signal('SIGTERM')
    expect(await sidecar.ended).toBe(0)
    expect(sidecar.stderr()).toContain('"message":"stopped"')
    expect(sidecar.stdout()).toBe('')
  })

  it('does not wait for whoever interrupts it twice', async () => {
    const sidecar = start(['--app', '127.0.0.1:1', ...local, '--drain-min-ms', '600000', '--drain-deadline-ms', '600000'])
    await portsOf(sidecar)
    sidecar.signal('SIGINT')
    await expect.poll(() => sidecar.stderr(), { timeout: 20_000 }).toContain('"message":"draining"')
    sidecar.signal('SIGINT')
    expect(await sidecar.ended).toBe(130)
  })

  it('listens at every address, IPv6 and IPv4', async () => {
    const { admin } = await portsOf(start(['--app', '127.0.0.1:1', ...anyPorts, ...noDrain]))
    for (const host of hosts) expect((await fetch(urlOf(host, admin, '/healthz'))).status).toBe(200)
  })

  it('finds an app by the name localhost that listens at 127.0.0.1 alone', async () => {
    const app = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'))).listen(0, '127.0.0.1')
    await once(app, 'listening')
    const { route } = await portsOf(start(['--app', `localhost:${(app.address() as AddressInfo).port}`, ...local, ...noDrain]))
    expect(await (await fetch(urlOf('127.0.0.1', route))).text()).toBe('ok')
    app.close()
  })

  it('says in one line which port is taken, and leaves the ones that it got', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const sidecar = start(['--app', '127.0.0.1:1', ...local.slice(0, -1), String(port)])
    expect(await sidecar.ended).toBe(1)
    holder.close()
    const lines = sidecar.stderr().trim().split('\n').filter((line) => !line.startsWith('{'))
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^error: cannot listen on 127\\.0\\.0\\.1:${port} \\(admin port\\).*EADDRINUSE`))])
  })

  it('takes nothing from files that lie where it starts', async () => {
    writeFileSync(join(folder, '.env'), 'KINGLET_APP=127.0.0.1:1\n')
    writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./first.js"]\n')
    writeFileSync(join(folder, 'first.js'), 'console.error("loaded first")\n')
    const sidecar = start(local, { cwd: folder })
    expect(await sidecar.ended).toBe(1)
    expect(sidecar.stderr()).toMatch(/^error: required option '--app <host:port>' not specified\n/)
  })

  describe('with a controller', () => {
    const withController = (caPem: string) =>
      start(['--app', '127.0.0.1:1', ...local, ...noDrain, '--controller', `localhost:${controller.port}`, '--token-file', join(folder, 'token')], { env: { KINGLET_CA: caPem } })

    it('trusts the one whose certificate its CA has signed', async () => {
      const other = await createAuthority({ validMs: 3_600_000, now: Date.now() })
      const before = controller.streams.length
      // Two at once, as while the CA is renewed.
      const sidecar = withController(`${other.certPem}${authority.certPem}`)
      await expect.poll(() => controller.streams.length, { timeout: 20_000 }).toBe(before + 1)
      const stream = controller.streams[before]
      expect(stream?.authorization).toBe('Bearer secret')
      stream?.send({ type: 'routes', table: { ...localTable, canary: 'test/app', generation: 7, silenceLimitMs: 600_000 } })
      await expect.poll(() => stream?.messages, { timeout: 20_000 }).toContainEqual(expect.objectContaining({ type: 'ack', generation: 7 }))
      expect(sidecar.stderr()).toContain('"message":"controller connected"')
    })

    it('says nothing to one of another CA, and serves on', async () => {
      const other = await createAuthority({ validMs: 3_600_000, now: Date.now() })
      const before = controller.streams.length
      const sidecar = withController(other.certPem)
      await expect.poll(() => sidecar.stderr(), { timeout: 20_000 }).toContain('"message":"controller not connected, trying again"')
      const { admin } = await portsOf(sidecar)
      expect((await fetch(urlOf('127.0.0.1', admin, '/healthz'))).status).toBe(200)
      expect(controller.streams.length).toBe(before)
    })
  })
})

describe.skipIf(!existsSync(executable.command))('dist/kinglet-proxy', () => {
  it('starts whatever some tool has put into the NODE_OPTIONS of every container', async () => {
    const started = startProgram(executable, ['--version'], { env: { NODE_OPTIONS: '--require /nowhere/agent.js' } })
    expect(await started.ended).toBe(0)
    expect(started.stderr()).toBe('')
  })

  it.each([
    [['--version']],
    [['proxy', '--help']],
    [['proxy']],
    [['proxy', '--loud']],
    [['proxy', '--app', 'a:1', '--controller', 'c:1']],
    [['proxy', '--inspect', '--app', 'a:1']],
    [['run', 'x.js']],
  ])('says to %j what kinglet says on Node.js, with the same exit code', async (words) => {
    const said = async (program: typeof onNode) => {
      const started = startProgram(program, words)
      return { code: await started.ended, stdout: started.stdout(), stderr: started.stderr() }
    }
    const expected = await said(onNode)
    expect(await said(executable)).toEqual(expected)
    expect(expected.stdout + expected.stderr).not.toBe('')
  })
})
