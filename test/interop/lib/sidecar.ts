import type { Stats } from '../../../src/proxy/testing/rig.ts'
import { freePort, startService, type Service } from './processes.ts'

const root = new URL('../../..', import.meta.url).pathname

/** The program as the image runs it. */
export interface Sidecar extends Service {
  readonly route: number
  readonly direct: number
  readonly admin: number
  stats(): Promise<Stats>
}

/**
 * Starts `kinglet proxy` next to the app at `appPort`; `flags` such as `--head-timeout-ms 500`. `maxFiles`: its limit of descriptors.
 * `through`: a command that runs it.
 */
export async function startSidecar(appPort: number, flags: readonly string[] = [], { maxFiles = 20_000, through = [] as readonly string[] } = {}): Promise<Sidecar> {
  const [route, direct, admin] = [await freePort(), await freePort(), await freePort()]
  const ports = ['--route-port', route, '--direct-port', direct, '--admin-port', admin].map(String)
  const service = await startService(
    'bash',
    ['-c', 'ulimit -n "$0" && exec "$@"', String(maxFiles), ...through, `${root}dist/kinglet-proxy`, 'proxy', '--app', `127.0.0.1:${appPort}`, '--host', '127.0.0.1', ...ports, '--drain-min-ms', '0', '--drain-quiet-ms', '0', ...flags],
    admin,
  )
  const stats = async (): Promise<Stats> => (await (await fetch(`http://127.0.0.1:${admin}/stats`)).json()) as Stats
  return { ...service, route, direct, admin, stats }
}
