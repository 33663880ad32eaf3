import { listAt, objectAt, stringAt, valueAt, type Json, type JsonObject } from '../../base/json.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { fieldValue, resourceValue } from './downward.ts'

/** A container's environment. Pure; follows the kubelet's order: envFrom first, then env, each `$(NAME)` expanded from what came before. */

export interface EnvSources {
  readonly pod: JsonObject
  readonly container: JsonObject
  readonly podAddress: string
  readonly nodeAddress: string
  readonly configMap: (name: string) => JsonObject | undefined
  readonly secret: (name: string) => JsonObject | undefined
}

/** The variables; the error is the kubelet's message for a container that waits with CreateContainerConfigError. */
export function buildEnv(sources: EnvSources): Result<Record<string, string>> {
  const env: Record<string, string> = {}
  for (const source of listAt(sources.container, 'envFrom')) {
    const added = fromWholeSource(source, sources)
    if (!added.ok) return added
    Object.assign(env, added.value)
  }
  for (const entry of listAt(sources.container, 'env')) {
    const name = stringAt(entry, 'name')
    if (name === undefined) continue
    const value = entryValue(entry, sources, env)
    if (!value.ok) return value
    if (value.value !== undefined) env[name] = value.value
  }
  return ok(env)
}

/**
 * Replaces `$(NAME)` by the variable's value; `$$(NAME)` stays as `$(NAME)`; an unknown name stays as it is.
 * Kubernetes, third_party/forked/golang/expansion.
 */
export const expand = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) => (name === undefined ? '$' : (env[name] ?? whole)))

/** The text of one key of a ConfigMap or Secret; undefined where it is absent. */
export function keyOf(object: JsonObject, key: string): string | undefined {
  return keysOf(object)[key]?.toString()
}

/** All keys of a ConfigMap or Secret as bytes. */
export function keysOf(object: JsonObject): Record<string, Buffer> {
  const isSecret = object['kind'] === 'Secret'
  const data = Object.entries(objectAt(object, 'data')).flatMap(([key, value]) =>
    typeof value === 'string' ? [[key, Buffer.from(value, isSecret ? 'base64' : 'utf8')] as const] : [],
  )
  const binary = Object.entries(objectAt(object, 'binaryData')).flatMap(([key, value]) =>
    typeof value === 'string' ? [[key, Buffer.from(value, 'base64')] as const] : [],
  )
  return Object.fromEntries([...data, ...binary])
}

function fromWholeSource(source: Json, sources: EnvSources): Result<Record<string, string>> {
  const prefix = stringAt(source, 'prefix') ?? ''
  for (const [field, kind, find] of [
    ['configMapRef', 'configmap', sources.configMap],
    ['secretRef', 'secret', sources.secret],
  ] as const) {
    const reference = valueAt(source, field)
    const name = stringAt(reference, 'name')
    if (name === undefined) continue
    const object = find(name)
    if (object) return ok(Object.fromEntries(Object.entries(keysOf(object)).map(([key, bytes]) => [prefix + key, bytes.toString()])))
    if (valueAt(reference, 'optional') !== true) return err(`${kind} "${name}" not found`)
  }
  return ok({})
}

function entryValue(entry: Json, sources: EnvSources, env: Readonly<Record<string, string>>): Result<string | undefined> {
  const literal = stringAt(entry, 'value')
  const from = objectAt(entry, 'valueFrom')
  if (literal !== undefined || Object.keys(from).length === 0) return ok(expand(literal ?? '', env))
  const path = stringAt(from, 'fieldRef', 'fieldPath')
  if (path !== undefined) return fieldValue(path, sources)
  if (from['resourceFieldRef'] !== undefined) return resourceValue(from['resourceFieldRef'], sources)
  if (from['configMapKeyRef'] !== undefined) return referencedKey(from['configMapKeyRef'], 'configmap', sources)
  return referencedKey(from['secretKeyRef'], 'secret', sources)
}

function referencedKey(reference: Json | undefined, kind: 'configmap' | 'secret', sources: EnvSources): Result<string | undefined> {
  const name = stringAt(reference, 'name') ?? ''
  const key = stringAt(reference, 'key') ?? ''
  const isOptional = valueAt(reference, 'optional') === true
  const object = kind === 'configmap' ? sources.configMap(name) : sources.secret(name)
  if (!object) return isOptional ? ok(undefined) : err(`${kind} "${name}" not found`)
  const value = keyOf(object, key)
  if (value !== undefined || isOptional) return ok(value)
  const namespace = stringAt(sources.pod, 'metadata', 'namespace') ?? ''
  return err(`couldn't find key ${key} in ${kind === 'secret' ? 'Secret' : 'ConfigMap'} ${namespace}/${name}`)
}
