import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { createAuthority, issueLeaf } from '../../certs/issue.ts'
import { serviceNames } from '../../certs/names.ts'
import type { Logger } from '../../runtime/log.ts'
import type { AdmittedWrites, PodAccess, TokenIssuer } from '../contract.ts'
import { createAdmission } from './admission/admit.ts'
import { bootstrap, publishApiServer } from './auth/bootstrap.ts'
import { createAuthorizer } from './auth/rbac.ts'
import { createTokens } from './auth/tokens.ts'
import { adminCaller, authenticatedGroup, type Caller, serviceAccountCaller } from './caller.ts'
import { createCatalogue } from './catalogue.ts'
import { startDefinitionLifecycle } from './crd/lifecycle.ts'
import { startEventExpiry } from './event-expiry.ts'
import { startGarbageCollector } from './garbage.ts'
import { admittedWrites, type ResourceContext } from './http/resources.ts'
import { createFront } from './http/server.ts'
import { startNamespaceLifecycle } from './namespaces.ts'
import type { ObjectStore } from './store.ts'
import { createServiceAddresses } from './strategies/service-address.ts'
import { createWritePath } from './write-path.ts'

/**
 * The embedded Kubernetes API server: what kubectl and controllers of one laptop need, in the behaviour of Kubernetes 1.34, on an
 * in-memory store. It answers over TLS with its own CA; callers show bearer tokens.
 *
 * What it does not imitate:
 * - exec, attach, port-forward, cp and ephemeral containers; proxying to TLS ports of pods; protobuf and HTTP/2.
 * - resources beyond the list in `built-in-resources.ts` (no StatefulSets, Jobs, volumes, quotas, priority classes …); of those there,
 *   autoscalers, ingresses and network policies are stored and nothing more; autoscaling has v2 alone.
 * - conversion between versions of a CRD by webhook, `selectableFields`, and the checks of a schema for being structural.
 * - CEL: no types (everything is dynamic), no cost limits, none of Kubernetes' libraries (quantity, url, ip, authorizer …).
 * - validation of built-in types beyond what people usually get wrong; amounts keep the text in which they were written.
 * - managedFields of writes by the sandbox's own controllers; versions in managedFields are not converted; no cap on managers.
 * - webhooks: matchPolicy Equivalent means Exact; a webhook for `deployments/scale` gets the Deployment; no audit annotations;
 *   admission policies (ValidatingAdmissionPolicy) do not exist.
 * - authorization: no check against escalation by role bindings; no node authorizer; no client certificates.
 * - lists: a continued page shows the state of its own time; `resourceVersionMatch` is ignored; descriptions for `explain` exist
 *   only where a CRD has them; `/openapi/v2` is empty (kubectl 1.27 and newer read v3).
 * - pod security admission, limit ranges, priority and fairness, audit logs.
 */
export interface ApiServerOptions {
  readonly store: ObjectStore
  /** Address to bind and to publish as the endpoint of Service `kubernetes`. */
  readonly host: string
  /** 0 for a free one. */
  readonly port: number
  /** Gets `ca.crt` and `admin.kubeconfig`. */
  readonly dataDir: string
  readonly podAccess: PodAccess
  readonly logger: Logger
  /** First two numbers of the addresses of Services. Default `127.96`; `.0.1` in it is Service `kubernetes`. */
  readonly servicePrefix?: string
  /** A free address for a Service, if not the server but the network chooses. Throws Error when there is none. */
  readonly nextServiceIp?: () => string
  /** Where a pod's port really listens, e.g. because low ports are shifted. Default: at the same number. */
  readonly dialPort?: (port: number) => number
  readonly now?: () => Date
}

export interface ApiServer {
  readonly url: string
  readonly port: number
  readonly caPem: string
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfigPath: string
  /** Text of a kubeconfig with a new token for a user of these groups; without a user, for the administrator. */
  kubeconfig(user?: { readonly name: string; readonly groups?: readonly string[]; readonly namespace?: string }): string
  readonly tokenIssuer: TokenIssuer
  readonly writes: AdmittedWrites
  /** Ends watches, connections and timers. */
  close(): Promise<void>
}

/** Ten years: the CA lives as long as the process. */
const validMs = 10 * 365 * 86_400_000

export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, logger } = options
  const now = options.now ?? (() => new Date())
  const dialPort = options.dialPort ?? ((port: number) => port)
  const servicePrefix = options.servicePrefix ?? '127.96'
  const authority = await createAuthority({ validMs, now: now().getTime() })
  const leaf = await issueLeaf(authority, { names: [...serviceNames('kubernetes', 'default'), 'localhost', '127.0.0.1', options.host, `${servicePrefix}.0.1`], validMs, now: now().getTime() })

  const tokens = createTokens(store, now)
  const catalogue = createCatalogue(store, logger)
  const admission = createAdmission(store, logger, dialPort)
  const addresses = options.nextServiceIp === undefined ? createServiceAddresses(store, servicePrefix) : { next: options.nextServiceIp }
  const writes = createWritePath({ store, addresses }, admission, now)
  const context: ResourceContext = { store, catalogue, writes, tokens, authorizer: createAuthorizer(store), podAccess: options.podAccess, dialPort, now }
  const stops = [startGarbageCollector(store), startNamespaceLifecycle(store, authority.certPem), startDefinitionLifecycle(store, now), startEventExpiry(store, now)]
  bootstrap(store)

  const closing = new AbortController()
  const front = createFront({ context, tls: { cert: leaf.certPem, key: leaf.keyPem }, logger, signal: closing.signal })
  front.listen(options.port, options.host)
  await once(front, 'listening')
  const address = front.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  publishApiServer(store, { serviceIp: `${servicePrefix}.0.1`, host: options.host, port })

  const url = `https://${options.host}:${port}`
  const kubeconfig: ApiServer['kubeconfig'] = (user) => {
    const caller: Caller = user === undefined ? adminCaller : { username: user.name, groups: [...(user.groups ?? []), authenticatedGroup] }
    return kubeconfigText({ url, caPem: authority.certPem, token: tokens.admit(caller), user: caller.username, namespace: user?.namespace ?? 'default' })
  }
  await mkdir(options.dataDir, { recursive: true })
  const kubeconfigPath = join(options.dataDir, 'admin.kubeconfig')
  await writeFile(join(options.dataDir, 'ca.crt'), authority.certPem)
  await writeFile(kubeconfigPath, kubeconfig(), { mode: 0o600 })
  return {
    url,
    port,
    caPem: authority.certPem,
    kubeconfigPath,
    kubeconfig,
    tokenIssuer: tokens,
    writes: admittedWrites(context, callerOfUser),
    close: async () => {
      const closed = once(front, 'close')
      closing.abort()
      front.close()
      front.closeAllConnections()
      for (const stop of stops) stop()
      admission.close()
      await closed
    },
  }
}

function callerOfUser(user: string): Caller {
  const [, kind, namespace, name] = user.split(':')
  return kind === 'serviceaccount' && namespace !== undefined && name !== undefined ? serviceAccountCaller(namespace, name) : { username: user, groups: [authenticatedGroup] }
}

function kubeconfigText({ url, caPem, token, user, namespace }: { readonly url: string; readonly caPem: string; readonly token: string; readonly user: string; readonly namespace: string }): string {
  const cluster = { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') }
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'kinglet-sandbox', cluster }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'kinglet-sandbox', context: { cluster: 'kinglet-sandbox', user, namespace } }],
    'current-context': 'kinglet-sandbox',
  })
}
