import { listAt, numberAt, stringAt, valueAt, type Json, type JsonObject } from '../../base/json.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { fieldValue, resourceValue } from './downward.ts'
import { keysOf } from './env.ts'

/** What a volume's files say: pure, by the state of the objects that it draws on. */

export interface VolumeSources {
  readonly pod: JsonObject
  readonly podAddress: string
  readonly nodeAddress: string
  readonly configMap: (name: string) => JsonObject | undefined
  readonly secret: (name: string) => JsonObject | undefined
  /** A token for this pod, the same one until it is time for the next. */
  token(audience: string | undefined, expirationSeconds: number): string
  /** PEM of the CA that signed the API server's certificate. */
  readonly caPem: string
}

/** `files` by path below the mount; `folder`: an empty folder of the pod's own; `host`: a place on this machine. */
export type VolumeContent =
  | { readonly kind: 'files'; readonly files: Files }
  | { readonly kind: 'folder' }
  | { readonly kind: 'host'; readonly path: string }

export type Files = Readonly<Record<string, Buffer>>

/** Name of the volume that gives a pod its credentials where it names none itself, and where it appears. */
export const apiAccessVolume = 'kube-api-access'
export const apiAccessPath = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The API server's lifetime of such tokens. */
const apiTokenSeconds = 3607

/** A volume's content; the error is what the kubelet says about a mount that has to wait. */
export function buildVolume(volume: Json, sources: VolumeSources): Result<VolumeContent> {
  const name = stringAt(volume, 'name') ?? ''
  if (valueAt(volume, 'emptyDir') !== undefined) return ok({ kind: 'folder' })
  const hostPath = stringAt(volume, 'hostPath', 'path')
  if (hostPath !== undefined) return ok({ kind: 'host', path: hostPath })
  if (valueAt(volume, 'projected') !== undefined) return asFiles(projectedFiles(valueAt(volume, 'projected'), sources))
  for (const kind of ['configMap', 'secret', 'downwardAPI'] as const) {
    const source = valueAt(volume, kind)
    if (source !== undefined) return asFiles(sourceFiles(kind, source, sources))
  }
  const kinds = Object.keys(volume as JsonObject).filter((key) => key !== 'name')
  return err(`volume "${name}" is of a kind that the sandbox does not have: ${kinds.join(', ')}`)
}

/** The files of `/var/run/secrets/kubernetes.io/serviceaccount`. */
export function apiAccessFiles(sources: VolumeSources): Files {
  return {
    token: Buffer.from(sources.token(undefined, apiTokenSeconds)),
    'ca.crt': Buffer.from(sources.caPem),
    namespace: Buffer.from(stringAt(sources.pod, 'metadata', 'namespace') ?? ''),
  }
}

const asFiles = (files: Result<Files>): Result<VolumeContent> => (files.ok ? ok({ kind: 'files', files: files.value }) : files)

function projectedFiles(projected: unknown, sources: VolumeSources): Result<Files> {
  const all: Record<string, Buffer> = {}
  for (const part of listAt(projected, 'sources')) {
    const files = partFiles(part, sources)
    if (!files.ok) return files
    Object.assign(all, files.value)
  }
  return ok(all)
}

function partFiles(part: Json, sources: VolumeSources): Result<Files> {
  const token = valueAt(part, 'serviceAccountToken')
  if (token !== undefined) {
    const text = sources.token(stringAt(token, 'audience'), numberAt(token, 'expirationSeconds') ?? 3600)
    return ok({ [stringAt(token, 'path') ?? 'token']: Buffer.from(text) })
  }
  for (const kind of ['configMap', 'secret', 'downwardAPI'] as const) {
    const source = valueAt(part, kind)
    if (source !== undefined) return sourceFiles(kind, source, sources)
  }
  return err(`a projected volume's source is of a kind that the sandbox does not have: ${Object.keys(part as JsonObject).join(', ')}`)
}

function sourceFiles(kind: 'configMap' | 'secret' | 'downwardAPI', source: unknown, sources: VolumeSources): Result<Files> {
  if (kind === 'downwardAPI') return downwardFiles(source, sources)
  const name = stringAt(source, 'secretName') ?? stringAt(source, 'name') ?? ''
  const object = kind === 'configMap' ? rootCaOr(name, sources) : sources.secret(name)
  const isOptional = valueAt(source, 'optional') === true
  if (!object) return isOptional ? ok({}) : err(`${kind === 'configMap' ? 'configmap' : 'secret'} "${name}" not found`)
  const keys = keysOf(object)
  const items = listAt(source, 'items')
  if (items.length === 0) return ok(keys)
  const picked: Record<string, Buffer> = {}
  for (const item of items) {
    const key = stringAt(item, 'key') ?? ''
    const bytes = keys[key]
    if (bytes) picked[stringAt(item, 'path') ?? key] = bytes
    else if (!isOptional) return err(`references non-existent ${kind === 'configMap' ? 'config' : 'secret'} key: ${key}`)
  }
  return ok(picked)
}

/** Every namespace has this ConfigMap in a real cluster; here it may have been left out. */
function rootCaOr(name: string, sources: VolumeSources): JsonObject | undefined {
  return sources.configMap(name) ?? (name === 'kube-root-ca.crt' ? { kind: 'ConfigMap', data: { 'ca.crt': sources.caPem } } : undefined)
}

function downwardFiles(source: unknown, sources: VolumeSources): Result<Files> {
  const files: Record<string, Buffer> = {}
  for (const item of listAt(source, 'items')) {
    const path = stringAt(item, 'fieldRef', 'fieldPath')
    const value = path === undefined ? resourceValue(valueAt(item, 'resourceFieldRef'), sources) : fieldValue(path, sources)
    if (!value.ok) return value
    files[stringAt(item, 'path') ?? ''] = Buffer.from(value.value)
  }
  return ok(files)
}
