import { createSocket } from 'node:dgram'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createAuthority, issueLeaf } from '../../src/certs/issue.ts'
import { startFakeController, type FakeController } from '../../src/proxy/testing/fake-controller.ts'
import { ask, get } from '../../src/proxy/testing/raw-client.ts'
import { until } from '../../src/proxy/testing/until.ts'
import { localTable } from '../../src/routing/routes.ts'
import { endings } from './lib/at-end.ts'
import { startAppOf } from './lib/plain-app.ts'
import { startSidecar, type Sidecar } from './lib/sidecar.ts'
import { run } from './lib/tools.ts'
import { leftovers, megabytes, openFiles } from './lib/watch.ts'

const atEnd = endings()
const start = async (...args: Parameters<typeof startSidecar>): Promise<Sidecar> => {
  const sidecar = await startSidecar(...args)
  atEnd(() => sidecar.stop())
  return sidecar
}

describe('addresses', () => {
  it('clients come by IPv6 and IPv4 to one port, and the app is reached by either', async () => {
    const server = createServer((request, response) => response.end(request.headers['x-forwarded-for']))
    await new Promise<void>((resolve) => void server.listen(0, '::1', resolve))
    atEnd(() => server.close())
    const sidecar = await start(1, ['--host', '::', '--app', `[::1]:${(server.address() as AddressInfo).port}`])
    expect((await run('curl', ['-s', '-g', `http://[::1]:${sidecar.route}/`])).stdout).toBe('::1')
    expect((await run('curl', ['-s', `http://127.0.0.1:${sidecar.route}/`])).stdout).toBe('127.0.0.1')
  })

  it('an app with a name is found, whichever of its addresses listens', async () => {
    const app = await startAppOf(3)
    atEnd(() => app.close())
    const sidecar = await start(1, ['--app', `localhost:${app.port}`])
    expect((await ask(sidecar.route, get('/'))).body).toBe('bbb')
  })

  it('a name that nobody knows is an app that refuses, again and again', async () => {
    const sidecar = await start(1, ['--app', 'nobody.invalid:80'])
    const before = openFiles(sidecar)
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(Array.from({ length: 100 }, () => ask(sidecar.route, get('/'))))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
    }
    await expect.poll(() => leftovers(sidecar), { timeout: 20_000 }).toEqual({})
    await expect.poll(() => openFiles(sidecar), { timeout: 20_000 }).toBeLessThanOrEqual(before + 2)
  })
})

describe('a controller', () => {
  const startController = async (): Promise<{ readonly controller: FakeController; readonly flags: readonly string[] }> => {
    const authority = await createAuthority({ validMs: 3_600_000, now: Date.now() })
    const controller = await startFakeController(await issueLeaf(authority, { names: ['localhost'], validMs: 3_600_000, now: Date.now() }))
    atEnd(() => controller.close())
    const tokenFile = join(mkdtempSync(join(tmpdir(), 'kinglet-reach-')), 'token')
    writeFileSync(tokenFile, 'token')
    return { controller, flags: ['--controller', `localhost:${controller.port}`, '--ca', authority.certPem, '--token-file', tokenFile, '--log-level', 'error'] }
  }

  it('that comes and goes sixty times leaves no connection, and is heard the next time', async () => {
    const { controller, flags } = await startController()
    const app = await startAppOf(3)
    atEnd(() => app.close())
    const sidecar = await start(app.port, flags)
    let generation = 0
    const comeAndGo = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time += 1) {
        const count = controller.streams.length
        await until('a stream', () => controller.streams.length > count || controller.streams.at(-1)?.isClosed() === false, () => '', 10_000)
        const stream = controller.streams.at(-1)
        await until('its greeting', () => (stream?.messages.length ?? 0) > 0)
        generation += 1
        stream?.send({ type: 'routes', table: { ...localTable, canary: 'test/app', generation } })
        await until('the acknowledgement', () => stream?.messages.some((message) => message.type === 'ack' && message.generation === generation) === true)
        controller.cut()
        await until('the cut', () => stream?.isClosed() === true)
      }
    }
    await comeAndGo(20)
    const [files, before] = [openFiles(sidecar), megabytes(sidecar)]
    await comeAndGo(40)
    expect((await ask(sidecar.route, get('/'))).body).toBe('bbb')
    await expect.poll(() => openFiles(sidecar), { timeout: 10_000 }).toBeLessThanOrEqual(files + 2)
    expect(megabytes(sidecar) - before).toBeLessThan(15)
  })

  it.each([
    ['whose name nobody knows', ['--controller', 'nobody.invalid:8443']],
    ['that refuses', ['--controller', '127.0.0.1:1']],
    ['whose authority is no certificate', ['--ca', 'nonsense']],
    ['whose authority is a broken certificate', ['--ca', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n']],
  ])('%s costs nothing: requests are served', async (_which, wrong) => {
    const { flags } = await startController()
    const app = await startAppOf(3)
    atEnd(() => app.close())
    const sidecar = await start(app.port, [...flags, ...wrong])
    const before = openFiles(sidecar)
    const statuses = await Promise.all(Array.from({ length: 100 }, async () => (await ask(sidecar.route, get('/'))).status))
    expect(new Set(statuses)).toEqual(new Set([200]))
    await expect.poll(async () => (await fetch(`http://127.0.0.1:${sidecar.admin}/readyz`)).status, { timeout: 10_000 }).toBe(200)
    await expect.poll(() => openFiles(sidecar), { timeout: 20_000 }).toBeLessThanOrEqual(before + 2)
  })

  it('whose name server says nothing does not hold the sidecar back when it has to go', async () => {
    const { flags } = await startController()
    const nameServer = createSocket('udp4')
    let queries = 0
    nameServer.on('message', () => (queries += 1))
    await new Promise<void>((resolve) => nameServer.bind(53, '127.0.0.153', resolve))
    atEnd(() => nameServer.close())
    const resolvConf = join(mkdtempSync(join(tmpdir(), 'kinglet-reach-')), 'resolv.conf')
    writeFileSync(resolvConf, 'nameserver 127.0.0.153\noptions timeout:30 attempts:1\n')
    const app = await startAppOf(3)
    atEnd(() => app.close())
    const through = ['unshare', '--mount', 'bash', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolvConf]
    const sidecar = await start(app.port, [...flags, '--controller', 'controller.example:8443'], { through })
    await until('the question', () => queries > 0)
    expect((await ask(sidecar.route, get('/'))).body).toBe('bbb')
    sidecar.signal('SIGTERM')
    await until('the exit', () => sidecar.hasExited(), () => sidecar.output(), 10_000)
  })
})
