import { spawnSync } from 'node:child_process'

/** The kubectl on PATH; undefined where there is none. Then the suites use Kinglet's own client with the same semantics. */
export function findKubectl(): string | undefined {
  return spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore', timeout: 20_000 }).status === 0 ? 'kubectl' : undefined
}
