/**
 * What a container's process is told about its pod, in the environment variable that the preload reads.
 * Here are the pure parts of the illusion: which path means which file, which name which address.
 */

/** Environment variable with the JSON of `PodContext`. */
export const podContextVariable = 'KINGLET_SANDBOX_POD'

export interface PodContext {
  readonly address: string
  readonly hostname: string
  readonly namespace: string
  /** File with the JSON of `ServiceNames`; replaced as a whole when Services change. */
  readonly namesFile: string
  /** The sandbox's own folder: paths below it are real already. */
  readonly root: string
  /** Path in the container → path on this machine. */
  readonly mounts: readonly (readonly [string, string])[]
}

/** Addresses by `service.namespace`; several for a headless Service, none when it has no ready pod. */
export type ServiceNames = Readonly<Record<string, readonly string[]>>

/** The file on this machine that `path` means inside the container. Paths outside of all mounts are the machine's own. */
export function mappedPath(context: Pick<PodContext, 'mounts' | 'root'>, path: string): string {
  if (!path.startsWith('/') || isBelow(path, context.root)) return path
  let best: readonly [string, string] | undefined
  for (const mount of context.mounts) {
    if (isBelow(path, mount[0]) && (best === undefined || mount[0].length > best[0].length)) best = mount
  }
  return best === undefined ? path : best[1] + path.slice(best[0].length)
}

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)

/**
 * The `service.namespace` that a host name may mean in a pod of `namespace`, by the search list of cluster.local;
 * `certain` if it can mean nothing else. `web` → web.default, `web.prod.svc.cluster.local.` → web.prod for certain.
 */
export function serviceKey(hostname: string, namespace: string): { readonly key: string; readonly certain: boolean } | undefined {
  const bare = hostname.toLowerCase().replace(/\.$/, '')
  const short = bare.replace(/\.svc(\.cluster\.local)?$/, '')
  const certain = short !== bare
  const labels = short.split('.')
  if (labels.some((label) => label === '')) return undefined
  if (labels.length === 1) return certain ? undefined : { key: `${short}.${namespace}`, certain: false }
  return labels.length === 2 ? { key: short, certain } : undefined
}

/** Answers of the cluster's DNS: addresses, `absent` for a name of the cluster that has none, `elsewhere` for names of the world. */
export function resolveName(hostname: string, context: PodContext, names: ServiceNames): readonly string[] | 'absent' | 'elsewhere' {
  if (hostname === context.hostname) return [context.address]
  const meant = serviceKey(hostname, context.namespace)
  if (meant === undefined) return 'elsewhere'
  const addresses = names[meant.key]
  if (addresses === undefined) return meant.certain ? 'absent' : 'elsewhere'
  return addresses.length > 0 ? addresses : 'absent'
}
