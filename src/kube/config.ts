import http from 'node:http'
import type https from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { AppError, describeError } from '../base/errors.ts'
import { createAgents, type Authorization, type KubeConnection, type TlsMaterial } from './connection.ts'

/** Token files are read again at least this often (kubelets replace them at 80 % of their life, an hour or more). */
const credentialsMs = 10_000

/**
 * The connection of this process: the file given, else `KUBECONFIG`, else ~/.kube/config, else the pod's own service account.
 * Credentials (tokens, client certificates, exec plugins, proxies) come from the official client, read again as they change.
 * Errors: NO_KUBECONFIG when nothing of this leads to a server.
 */
export function loadKubeConfig(options: { readonly kubeconfig?: string; readonly context?: string } = {}): KubeConnection {
  const config = readConfig(options)
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new AppError('NO_KUBECONFIG', `no cluster in the kubeconfig for context "${config.getCurrentContext()}"`)
  const agents = createAgents(cluster.server.startsWith('https:'))
  let cached: { readonly at: number; readonly authorization: Authorization } | undefined

  const authorize = async (force: boolean): Promise<Authorization> => {
    if (cached && !force && Date.now() - cached.at < credentialsMs) return cached.authorization
    const applied: https.RequestOptions = { headers: {} }
    try {
      await config.applyToHTTPSOptions(applied)
    } catch (error) {
      throw new AppError('NO_CREDENTIALS', `cannot get credentials for ${cluster.server}: ${describeError(error)}`, { cause: error, retryable: true })
    }
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(applied.headers ?? {})) if (typeof value === 'string') headers[name.toLowerCase()] = value.trim()
    if (applied.auth) headers['authorization'] = `Basic ${Buffer.from(applied.auth).toString('base64')}`
    // Through a proxy the official client's agent knows the way; otherwise ours keeps connections alive.
    const agent = cluster.proxyUrl && applied.agent instanceof http.Agent ? applied.agent : agents.agentFor(materialOf(applied))
    cached = { at: Date.now(), authorization: { headers, agent } }
    return cached.authorization
  }

  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default'
  return { server: cluster.server.replace(/\/$/, ''), namespace: namespace.trim(), authorize, close: () => agents.close() }
}

function readConfig(options: { readonly kubeconfig?: string; readonly context?: string }): KubeConfig {
  const config = new KubeConfig()
  try {
    if (options.kubeconfig === undefined) config.loadFromDefault()
    else config.loadFromFile(options.kubeconfig)
  } catch (error) {
    throw new AppError('NO_KUBECONFIG', `cannot read the kubeconfig: ${describeError(error)}`, { cause: error })
  }
  if (options.context !== undefined) config.setCurrentContext(options.context)
  // What the official client falls back to when it finds nothing at all.
  if (config.getCurrentCluster()?.server === 'http://localhost:8080') {
    throw new AppError('NO_KUBECONFIG', 'no cluster to talk to: set KUBECONFIG, or make ~/.kube/config')
  }
  return config
}

const materialOf = (applied: https.RequestOptions): TlsMaterial => ({
  ca: single(applied.ca),
  cert: single(applied.cert),
  key: single(applied.key),
  servername: applied.servername,
  rejectUnauthorized: applied.rejectUnauthorized,
})

const single = (value: unknown): string | Buffer | undefined => (typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined)
