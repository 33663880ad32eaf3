import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../base/errors.ts'
import { createClient } from '../kube/client.ts'
import { loadKubeConfig } from '../kube/config.ts'
import { systemClock } from '../runtime/clock.ts'
import { createLogger, type Logger } from '../runtime/log.ts'
import { startApiServer } from './apiserver/apiserver.ts'
import { MemoryStore } from './apiserver/store.ts'
import type { PodAccess } from './contract.ts'
import { startControllers } from './controllers/controllers.ts'
import { exampleManifest } from './example.ts'
import { installKinglet } from './install.ts'
import { startKubelet } from './kubelet/kubelet.ts'
import { startReaper } from './kubelet/reaper.ts'
import { claimBlock, realPort } from './network/addresses.ts'
import { startNetwork } from './network/network.ts'
import { findProgramFiles } from './program-files.ts'

/**
 * A small Kubernetes in this process: API server (`apiserver/`), controllers, one node whose containers are local Node.js processes,
 * Services. For demonstrations and fast tests on a laptop with Linux; several may run side by side.
 *
 * What the node half does not imitate (the API server's own list is in `apiserver/apiserver.ts`):
 * - Images: nothing is pulled. `kinglet:*`, `podinfo:*` (our imitation), `kinglet-e2e-client:*`, and any command that begins with `node`.
 * - Isolation: containers are processes of the user who runs the sandbox, with this machine's files beside their mounts. securityContext,
 *   resources, users, capabilities, read-only file systems and hostNetwork have no effect; nothing is throttled or killed for memory.
 * - Network: TCP over IPv4 only, no UDP; Unix sockets are not moved into mounts. The illusion holds for Node.js programs. Ports below
 *   1024 of pods and Services really lie 20,000 higher. `NetworkPolicy`, session affinity and traffic policies are not enforced. Changes of
 *   endpoints reach clients at once, without the second or so that kube-proxies take.
 * - DNS: A records of Services through Node's look-ups; no SRV records, no names of single pods of a headless Service, no ExternalName.
 * - Scheduling: one node takes every pod at once; selectors, affinity, taints, topology and resource requests are not looked at.
 * - Volumes: emptyDir, hostPath, configMap, secret, projected, downwardAPI; no claims. They follow their objects at once, and file modes
 *   are not set. Environment variables of Services (`FOO_SERVICE_HOST`) are not given.
 * - Kubelet: crash loops back off for seconds, not minutes; a startup or readiness probe is asked five times a second until its first
 *   success; no gRPC probes, no ephemeral containers, no termination log, no eviction by pressure, no static pods; a changed image of a running
 *   pod is not restarted. A program that does not handle SIGTERM ends by it; as process 1 of a container it would wait for SIGKILL.
 * - Controllers: Deployments, ReplicaSets, EndpointSlices and disruption budgets run; autoscalers are stored only; pods without an
 *   owner are not adopted; there are no StatefulSets, DaemonSets, Jobs, nor the old Endpoints objects.
 */
export interface Sandbox {
  readonly kubeconfigPath: string
  /** Manifest of an app to try Kinglet on, with a client. */
  readonly examplePath: string
  /** For programs that look for the cluster: KUBECONFIG. */
  readonly env: Readonly<Record<string, string>>
  /** Applies Kinglet's manifest and resolves when controller and webhook serve. Throws AppError `INSTALL_TIMEOUT` with what is missing. */
  installKinglet(): Promise<void>
  /** Kills every process of the cluster and closes all ports. Its own temporary folder is removed. */
  stop(): Promise<void>
}

export interface SandboxOptions {
  /** Folder for kubeconfig, volumes and so on; a temporary one, removed at the end, where it is absent. */
  readonly dir?: string
  /** Port of the API server on 127.0.0.1; any free one by default. */
  readonly port?: number
  /** Where to report; by default warnings and errors go to stderr. */
  readonly log?: Logger
}

/**
 * Starts a cluster. When this process ends, by whatever means, everything that it started ends too.
 * Throws AppError `LOOPBACK_UNAVAILABLE` where 127.0.0.0/8 is not there whole (macOS), `NO_FREE_BLOCK` beside 128 others,
 * `PORT_TAKEN`.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  // What has been started ends in reverse order, in the middle of a failed start too.
  const ends: Ending[] = []
  const end = async (): Promise<void> => {
    for (const close of ends.splice(0).toReversed()) await close()
  }
  try {
    const parts = await assemble(options, ends)
    let stopping: Promise<void> | undefined
    return { ...parts, stop: () => (stopping ??= end()) }
  } catch (error) {
    await end()
    throw error
  }
}

type Ending = () => Promise<void> | void

async function assemble(options: SandboxOptions, ends: Ending[]): Promise<Omit<Sandbox, 'stop'>> {
  const logger = options.log ?? createLogger('warn', { component: 'sandbox' })
  const dir = makeDir(options.dir)
  const reaper = startReaper(options.dir === undefined ? dir : undefined)
  ends.push(() => reaper.close())
  const block = await claimBlock(process.pid % 128)
  ends.push(() => block.release())
  const files = findProgramFiles()
  const store = new MemoryStore()
  // The server's subresources reach into pods, and the kubelet needs the server's tokens: it comes a moment later.
  const access: PodAccess = {
    logs: (...request) => kubelet.access.logs(...request),
    address: (namespace, pod) => kubelet.access.address(namespace, pod),
  }
  const port = options.port ?? 0
  const server = await startApiServer({ store, host: '127.0.0.1', port, dataDir: dir, podAccess: access, logger, servicePrefix: block.servicePrefix, dialPort: realPort }).catch(
    (error: unknown) => {
      throw isAddressInUse(error) ? new AppError('PORT_TAKEN', `port ${port} of 127.0.0.1 is taken by another program; choose another one, or none`, { cause: error }) : error
    },
  )
  ends.push(() => server.close())
  const network = startNetwork({ store, dir, logger })
  ends.push(() => network.stop())
  const shared = { store, block, reaper, logger, root: dir, images: files.images, preload: files.preload, namesFile: network.namesFile }
  const kubelet = startKubelet({ ...shared, tokens: server.tokenIssuer, caPem: server.caPem })
  const controllers = startControllers({ store, writes: server.writes, logger })
  ends.push(async () => void (await Promise.all([kubelet.stop(), controllers.stop()])))
  await network.settled()
  const examplePath = join(dir, 'podinfo.yaml')
  writeFileSync(examplePath, exampleManifest)
  const { kubeconfigPath } = server
  return {
    kubeconfigPath,
    examplePath,
    env: { KUBECONFIG: kubeconfigPath },
    installKinglet: async () => {
      const connection = loadKubeConfig({ kubeconfig: kubeconfigPath })
      try {
        await installKinglet({ client: createClient(connection, systemClock), manifest: files.installManifest, store, access })
      } finally {
        connection.close()
      }
    },
  }
}

const isAddressInUse = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'

/** Real, because programs in pods ask for real paths. */
function makeDir(dir: string | undefined): string {
  if (dir === undefined) return realpathSync(mkdtempSync(join(tmpdir(), 'kinglet-sandbox-')))
  mkdirSync(dir, { recursive: true })
  // Volumes of an earlier sandbox in the same folder.
  rmSync(join(dir, 'pods'), { recursive: true, force: true })
  return realpathSync(dir)
}
