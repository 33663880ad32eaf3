import { type JsonObject, isObject, listAt, numberAt, objectAt, stringAt } from '../../../base/json.ts'
import { duplicate, type FieldError, required, unsupported, wrong } from '../status.ts'
import { labelErrors, labelsErrors } from './names.ts'

/** The part of pod validation that people meet: containers, ports, variables, volumes and their mounts. */

export function podSpecErrors(spec: JsonObject, field: string): readonly FieldError[] {
  const containers = listAt(spec, 'containers').map((container) => objectAt(container))
  const initContainers = listAt(spec, 'initContainers').map((container) => objectAt(container))
  const volumes = listAt(spec, 'volumes').map((volume) => stringAt(volume, 'name') ?? '')
  const names = [...initContainers, ...containers].map((container) => stringAt(container, 'name') ?? '')
  return [
    ...(containers.length === 0 ? [required(`${field}.containers`)] : []),
    ...volumes.flatMap((name, index) => (name === '' ? [required(`${field}.volumes[${index}].name`)] : [...labelErrors(name, `${field}.volumes[${index}].name`), ...repeated(volumes, index, `${field}.volumes[${index}].name`)])),
    ...initContainers.flatMap((container, index) => containerErrors(container, `${field}.initContainers[${index}]`, volumes)),
    ...containers.flatMap((container, index) => containerErrors(container, `${field}.containers[${index}]`, volumes)),
    ...containers.flatMap((_, index) => repeated(names, initContainers.length + index, `${field}.containers[${index}].name`)),
    ...choice(spec, 'restartPolicy', ['Always', 'OnFailure', 'Never'], field),
    ...choice(spec, 'dnsPolicy', ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'], field),
  ]
}

export function templateErrors(template: JsonObject, field: string): readonly FieldError[] {
  return [
    ...labelsErrors(objectAt(template, 'metadata', 'labels'), `${field}.labels`),
    ...podSpecErrors(objectAt(template, 'spec'), `${field}.spec`),
    ...(stringAt(template, 'spec', 'restartPolicy') === 'Always' ? [] : [unsupported(`${field}.spec.restartPolicy`, stringAt(template, 'spec', 'restartPolicy') ?? '', ['Always'])]),
  ]
}

const repeated = (names: readonly string[], index: number, field: string): readonly FieldError[] => (names[index] !== '' && names.indexOf(names[index] ?? '') < index ? [duplicate(field, names[index])] : [])

export function choice(object: JsonObject, key: string, allowed: readonly string[], field: string): readonly FieldError[] {
  const value = stringAt(object, key)
  return value === undefined || allowed.includes(value) ? [] : [unsupported(`${field}.${key}`, value, allowed)]
}

function containerErrors(container: JsonObject, field: string, volumes: readonly string[]): readonly FieldError[] {
  const name = stringAt(container, 'name') ?? ''
  const image = stringAt(container, 'image') ?? ''
  const mounts = listAt(container, 'volumeMounts')
  return [
    ...(name === '' ? [required(`${field}.name`)] : labelErrors(name, `${field}.name`)),
    ...(image === '' ? [required(`${field}.image`)] : image.trim() === image ? [] : [wrong(`${field}.image`, image, 'must not have leading or trailing whitespace')]),
    ...choice(container, 'imagePullPolicy', ['Always', 'IfNotPresent', 'Never'], field),
    ...portListErrors(container, `${field}.ports`),
    ...listAt(container, 'env').flatMap((variable, index) => variableErrors(objectAt(variable), `${field}.env[${index}]`)),
    ...mounts.flatMap((mount, index) => mountErrors(objectAt(mount), `${field}.volumeMounts[${index}]`, volumes)),
    ...['livenessProbe', 'readinessProbe', 'startupProbe'].flatMap((probe) => probeErrors(container[probe], `${field}.${probe}`)),
  ]
}

function portListErrors(container: JsonObject, field: string): readonly FieldError[] {
  const ports = listAt(container, 'ports')
  const names = ports.map((port) => stringAt(port, 'name') ?? '')
  return ports.flatMap((port, index) => {
    const at = `${field}[${index}]`
    const name = names[index] ?? ''
    const number = numberAt(port, 'containerPort')
    return [
      ...(name === '' ? [] : [...portNameErrors(name, `${at}.name`), ...repeated(names, index, `${at}.name`)]),
      ...(number === undefined || number === 0 ? [required(`${at}.containerPort`)] : portErrors(number, `${at}.containerPort`)),
      ...choice(objectAt(port), 'protocol', ['SCTP', 'TCP', 'UDP'], at),
    ]
  })
}

export function portNameErrors(name: string, field: string): readonly FieldError[] {
  return [
    ...(name.length > 15 ? [wrong(field, name, 'must be no more than 15 characters')] : []),
    ...(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) ? [] : [wrong(field, name, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")]),
    ...(/[a-z]/.test(name) ? [] : [wrong(field, name, 'must contain at least one letter (a-z)')]),
    ...(name.includes('--') ? [wrong(field, name, 'must not contain consecutive hyphens')] : []),
  ]
}

export const portErrors = (port: number, field: string): readonly FieldError[] => (port >= 1 && port <= 65_535 ? [] : [wrong(field, port, 'must be between 1 and 65535, inclusive')])

function variableErrors(variable: JsonObject, field: string): readonly FieldError[] {
  const name = stringAt(variable, 'name') ?? ''
  const both = variable['valueFrom'] !== undefined && (stringAt(variable, 'value') ?? '') !== ''
  return [
    ...(name === '' ? [required(`${field}.name`)] : name.includes('=') ? [wrong(`${field}.name`, name, "a valid environment variable name must consist only of printable ASCII characters other than '='")] : []),
    ...(both ? [wrong(`${field}.valueFrom`, '', 'may not be specified when `value` is not empty')] : []),
  ]
}

function mountErrors(mount: JsonObject, field: string, volumes: readonly string[]): readonly FieldError[] {
  const name = stringAt(mount, 'name') ?? ''
  const found = volumes.includes(name)
  return [
    ...(name === '' ? [required(`${field}.name`)] : []),
    ...(found ? [] : [{ reason: 'FieldValueInvalid', field: `${field}.name`, message: `Not found: "${name}"` } as const]),
    ...(stringAt(mount, 'mountPath') === undefined ? [required(`${field}.mountPath`)] : []),
  ]
}

function probeErrors(probe: unknown, field: string): readonly FieldError[] {
  if (!isObject(probe)) return []
  const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc'].filter((handler) => probe[handler] !== undefined)
  const negative = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'].filter((key) => (numberAt(probe, key) ?? 0) < 0)
  return [
    ...(handlers.length === 0 ? [required(field, 'must specify a handler type')] : []),
    ...(handlers.length > 1 ? [{ reason: 'FieldValueForbidden', field: `${field}.${handlers[1] ?? ''}`, message: 'Forbidden: may not specify more than 1 handler type' } as const] : []),
    ...negative.map((key) => wrong(`${field}.${key}`, numberAt(probe, key), 'must be greater than or equal to 0')),
  ]
}
