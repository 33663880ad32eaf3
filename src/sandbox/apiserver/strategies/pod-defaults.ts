import { isObject, type Json, type JsonArray, type JsonObject, objectAt, stringAt } from '../../../base/json.ts'

/** The defaults of pod specs, as the API server fills them in. */

/** `object` with these fields where it has none. */
export function withDefaults(object: JsonObject, defaults: JsonObject): JsonObject {
  const missing = Object.entries(defaults).filter(([key, value]) => object[key] === undefined && value !== undefined)
  return missing.length === 0 ? object : { ...object, ...Object.fromEntries(missing) }
}

/** `object` with `change` applied to the field, if it is there. */
export function mapField(object: JsonObject, field: string, change: (value: JsonObject) => JsonObject): JsonObject {
  const value = object[field]
  return isObject(value) ? { ...object, [field]: change(value) } : object
}

/** `object` with `change` applied to each item of the list, if it is there. */
export function mapList(object: JsonObject, field: string, change: (item: JsonObject) => JsonObject): JsonObject {
  const list: Json | undefined = object[field]
  return Array.isArray(list) ? { ...object, [field]: (list as JsonArray).map((item) => (isObject(item) ? change(item) : item)) } : object
}

const seconds = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }

const probe = (value: JsonObject): JsonObject =>
  mapField(mapField(withDefaults(value, seconds), 'httpGet', (get) => withDefaults(get, { path: '/', scheme: 'HTTP' })), 'grpc', (grpc) => withDefaults(grpc, { service: '' }))

const hook = (value: JsonObject): JsonObject => mapField(value, 'httpGet', (get) => withDefaults(get, { path: '/', scheme: 'HTTP' }))

/** An image without a tag, or with `latest`, is pulled each time. */
function pullPolicy(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1)
  return image.includes('@') ? 'IfNotPresent' : !name.includes(':') || name.endsWith(':latest') ? 'Always' : 'IfNotPresent'
}

/** Amounts written as numbers become text. */
function resources(value: JsonObject): JsonObject {
  const amounts = (list: JsonObject): JsonObject => Object.fromEntries(Object.entries(list).map(([name, amount]) => [name, String(amount as string | number)]))
  return mapField(mapField(value, 'limits', amounts), 'requests', amounts)
}

/** In a pod, not in a template, requests default to the limits. */
export function defaultRequests(spec: JsonObject): JsonObject {
  const fill = (container: JsonObject): JsonObject =>
    mapField(container, 'resources', (value) => (value['limits'] === undefined ? value : { ...value, requests: { ...objectAt(value, 'limits'), ...objectAt(value, 'requests') } }))
  return mapList(mapList(spec, 'initContainers', fill), 'containers', fill)
}

function container(value: JsonObject): JsonObject {
  const filled = withDefaults(value, {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: pullPolicy(stringAt(value, 'image') ?? ''),
  })
  const probed = ['livenessProbe', 'readinessProbe', 'startupProbe'].reduce((object, field) => mapField(object, field, probe), filled)
  const hooked = mapField(probed, 'lifecycle', (lifecycle) => mapField(mapField(lifecycle, 'postStart', hook), 'preStop', hook))
  const referenced = mapList(hooked, 'env', (variable) => mapField(variable, 'valueFrom', (source) => mapField(source, 'fieldRef', (ref) => withDefaults(ref, { apiVersion: 'v1' }))))
  return mapField(mapList(referenced, 'ports', (port) => withDefaults(port, { protocol: 'TCP' })), 'resources', resources)
}

const fieldRefs = (item: JsonObject): JsonObject => mapField(item, 'fieldRef', (ref) => withDefaults(ref, { apiVersion: 'v1' }))
const mode = { defaultMode: 420 }

function volume(value: JsonObject): JsonObject {
  const sources = Object.keys(value).filter((key) => key !== 'name')
  const filled = sources.length === 0 ? { ...value, emptyDir: {} } : value
  const files = ['secret', 'configMap', 'downwardAPI', 'projected'].reduce((object, field) => mapField(object, field, (source) => withDefaults(source, mode)), filled)
  const projected = mapField(files, 'projected', (source) =>
    mapList(source, 'sources', (item) =>
      mapField(mapField(item, 'serviceAccountToken', (token) => withDefaults(token, { expirationSeconds: 3600 })), 'downwardAPI', (api) => mapList(api, 'items', fieldRefs)),
    ),
  )
  const downward = mapField(projected, 'downwardAPI', (api) => mapList(api, 'items', fieldRefs))
  return mapField(downward, 'hostPath', (path) => withDefaults(path, { type: '' }))
}

export function defaultPodSpec(spec: JsonObject): JsonObject {
  const filled = withDefaults(spec, { restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst', securityContext: {}, schedulerName: 'default-scheduler' })
  const account = stringAt(filled, 'serviceAccountName') ?? stringAt(filled, 'serviceAccount')
  const named = account === undefined ? filled : { ...filled, serviceAccountName: account, serviceAccount: account }
  return mapList(mapList(mapList(named, 'initContainers', container), 'containers', container), 'volumes', volume)
}
