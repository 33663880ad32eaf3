/** What a path asks for: a resource, or one of the server's own documents. */
export interface ResourceRequest {
  readonly kind: 'resource'
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string
  readonly subresource: string
  /** What stands after the subresource: the path of a proxied request. */
  readonly rest: string
}

export interface OtherRequest {
  readonly kind: 'other'
  readonly path: string
}

export type RequestInfo = ResourceRequest | OtherRequest

/**
 * `/api/v1/namespaces/app/pods/web/log`, `/apis/apps/v1/deployments`, `/apis/apps/v1/namespaces/app/deployments/web/scale`.
 * A namespace's own status and finalize are subresources of it, everything else below it is a resource in it.
 */
export function parsePath(pathname: string): RequestInfo {
  const parts = pathname.split('/').filter((part) => part !== '').map(decode)
  const isCore = parts[0] === 'api' && parts.length >= 3
  const isGroup = parts[0] === 'apis' && parts.length >= 4
  if (!isCore && !isGroup) return { kind: 'other', path: pathname }
  const [group, version, tail] = isCore ? ['', parts[1] ?? '', parts.slice(2)] : [parts[1] ?? '', parts[2] ?? '', parts.slice(3)]
  const isScoped = tail[0] === 'namespaces' && tail.length > 2 && !['status', 'finalize'].includes(tail[2] ?? '')
  const [namespace, own] = isScoped ? [tail[1], tail.slice(2)] : [undefined, tail]
  const [resource = '', name = '', subresource = '', ...rest] = own
  return { kind: 'resource', group, version, resource, namespace, name, subresource, rest: rest.join('/') }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
