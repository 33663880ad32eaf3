import type { Canary } from '../../api/canary.ts'
import { primaryName } from '../../api/keys.ts'
import { longestLabel, type Problem } from '../../api/validate.ts'
import { listAt, numberAt, objectAt, stringAt, valueAt, type JsonObject } from '../../base/json.ts'
import { err, ok, type Result } from '../../base/result.ts'

/** How one target is split: which label tells the tracks apart, and where the app answers. Everything that is built follows from it. */
export interface Split {
  /** Key of the label; its values are `value` on the target's pods and `primaryValue` on the primary's. */
  readonly label: string
  readonly value: string
  readonly primaryValue: string
  /** The port on which the app answers in its pod. */
  readonly appPort: number
}

/** The split of a target, or what is missing for it, named with its remedy. `apex` is the existing Service as its owner wrote it. */
export function resolveSplit(canary: Canary, target: JsonObject, apex: OriginalService | undefined, selectorLabels: readonly string[]): Result<Split, Problem> {
  const { name } = canary.spec.targetRef
  const selector = objectAt(target, 'spec', 'selector', 'matchLabels')
  const label = selectorLabels.find((key) => typeof selector[key] === 'string')
  const value = label === undefined ? undefined : stringAt(selector, label)
  if (label === undefined || value === undefined) {
    return err({
      code: 'NoSelectorLabel',
      path: `Deployment ${name}`,
      message: `deployment ${name}.${canary.namespace} spec.selector.matchLabels must contain one of [${selectorLabels.join(' ')}]`,
      remedy: 'Add one of these labels to its selector and pod template, or start the controller with --selector-labels',
    })
  }
  const primaryValue = primaryName(value)
  if (primaryValue.length > longestLabel) {
    return err({ code: 'NameTooLong', path: `Deployment ${name}`, message: `the value "${value}" of its selector label ${label} with the suffix -primary would have ${primaryValue.length} characters, more than ${longestLabel}`, remedy: `Choose a value of at most ${longestLabel - '-primary'.length} characters` })
  }
  const port = resolveAppPort(canary, target, apex)
  return port.ok ? ok({ label, value, primaryValue, appPort: port.value }) : port
}

/** A Service's wiring before Kinglet changed it. */
export interface OriginalService {
  readonly name: string
  readonly ports: readonly JsonObject[]
}

function resolveAppPort(canary: Canary, target: JsonObject, apex: OriginalService | undefined): Result<number, Problem> {
  const { service, targetRef } = canary.spec
  const mainPort = apex?.ports.find((port) => port['port'] === service.port)
  if (apex && !mainPort) {
    const known = apex.ports.map((port) => String(numberAt(port, 'port'))).join(', ')
    return err({ code: 'PortNotFound', path: 'spec.service.port', message: `Service ${apex.name} has no port ${service.port}, it has ${known}`, remedy: 'Name one of its ports' })
  }
  const wanted = service.targetPort ?? mainPort?.['targetPort'] ?? service.port
  if (typeof wanted === 'number') return ok(wanted)
  const declared = containerPorts(target).find((port) => port['name'] === wanted)
  const number = numberAt(declared, 'containerPort')
  if (number !== undefined) return ok(number)
  const path = service.targetPort === undefined ? `Service ${apex?.name ?? service.name}` : 'spec.service.targetPort'
  return err({ code: 'PortNotFound', path, message: `no container of Deployment ${targetRef.name} has a port named ${JSON.stringify(wanted)}`, remedy: 'Name a port of the pod template, or give its number' })
}

/** Ports that the containers of a template declare, sidecars of meshes left out. */
export function containerPorts(deployment: JsonObject): readonly JsonObject[] {
  return listAt(deployment, 'spec', 'template', 'spec', 'containers')
    .filter((container) => !['istio-proxy', 'envoy'].includes(stringAt(container, 'name') ?? ''))
    .flatMap((container) =>
      listAt(container, 'ports').flatMap((port, index) => {
        const containerPort = numberAt(port, 'containerPort')
        if (containerPort === undefined) return []
        return [{ name: stringAt(port, 'name') ?? `tcp-${stringAt(container, 'name') ?? ''}-${index}`, containerPort, isNamed: valueAt(port, 'name') !== undefined }]
      }),
    )
}
