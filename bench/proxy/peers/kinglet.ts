import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RouteTable } from '../../../src/api/protocol.ts'
import { createAuthority, issueLeaf } from '../../../src/certs/issue.ts'
import { startFakeController, type FakeController } from '../../../src/proxy/testing/fake-controller.ts'
import { sidecarRuntimeEnv } from '../../../src/injection/inject.ts'
import { localTable } from '../../../src/routing/routes.ts'
import type { Peer, Setting } from './peer.ts'

/** What the webhook started sidecars with when they ran on Node.js. */
const nodeFlags = ['--max-semi-space-size=4', '--no-maglev', '--no-concurrent-recompilation', '--optimize-for-size']

/** The sidecar as the webhook injects it, with a controller that sends its table, pings and takes the report of each second. */
const build = (name: string, program: string, adminPort: number, onReport?: () => void): Peer => ({
  name,
  missing: () => (existsSync(program) ? undefined : `${program} is not there: npm run build`),
  adminPort,
  prepare: async (setting) => {
    const { controller, ca, close } = await controllerWith(tableFor(setting))
    if (onReport) controller.onMessage = ({ type }) => type === 'report' && onReport()
    const tokenFile = join(setting.folder, 'token')
    writeFileSync(tokenFile, 'bench')
    return {
      ...(program.endsWith('.js') ? { command: process.execPath, args: [...nodeFlags, program, 'proxy'] } : { command: program, args: ['proxy'] }),
      close,
      env: {
        ...sidecarRuntimeEnv,
        NODE_ENV: 'production',
        KINGLET_APP: `127.0.0.1:${setting.primary}`,
        KINGLET_HOST: '127.0.0.1',
        KINGLET_ROUTE_PORT: String(setting.port),
        KINGLET_DIRECT_PORT: '0',
        KINGLET_ADMIN_PORT: String(adminPort),
        KINGLET_CONTROLLER: `localhost:${controller.port}`,
        KINGLET_CA: ca,
        KINGLET_TOKEN_FILE: tokenFile,
        KINGLET_MAX_CONNECTIONS: '20000',
      },
    }
  },
})

const ownProgram = fileURLToPath(new URL('../../../dist/kinglet-proxy', import.meta.url))
export const kinglet = build('kinglet', ownProgram, 24_082)

/** One whose reports are told, when they have come. */
export const watchedKinglet = (onReport: () => void): Peer => build('kinglet', ownProgram, 24_082, onReport)

/** Another build, to see what a change has done: a kinglet-proxy, or a kinglet.js for Node.js. */
export const otherBuild = (program: string): Peer => build('other', resolve(program), 24_083)

const tableFor = ({ canary }: Setting): RouteTable => ({
  ...localTable,
  generation: 1,
  canary: 'bench/app',
  canaryWeightPercent: 10,
  match: [{ headers: { 'x-canary': { exact: 'always' } } }],
  endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: canary }] },
  silenceLimitMs: 60_000,
})

/** A controller that greets each new sidecar with the table and pings once a second. */
async function controllerWith(table: RouteTable): Promise<{ readonly controller: FakeController; readonly ca: string; readonly close: () => void }> {
  const authority = await createAuthority({ validMs: 86_400_000, now: Date.now() })
  const controller = await startFakeController(await issueLeaf(authority, { names: ['localhost', '127.0.0.1'], validMs: 86_400_000, now: Date.now() }))
  let greeted = 0
  const greet = setInterval(() => {
    for (const stream of controller.streams.slice(greeted)) stream.send({ type: 'routes', table })
    greeted = controller.streams.length
  }, 20)
  const ping = setInterval(() => {
    for (const stream of controller.streams) if (!stream.isClosed()) stream.send({ type: 'ping' })
  }, 1000)
  const close = (): void => {
    clearInterval(greet)
    clearInterval(ping)
    controller.close()
  }
  return { controller, ca: authority.certPem, close }
}
