/**
 * Every annotation, label, port and name that Kinglet reads or writes, in one place.
 * README.md lists those that are meant for people.
 */

/** On a Deployment, by its owner. `enabled` opts in; removing it, or any other value, opts out. */
export const canaryAnnotation = 'kinglet.sh/canary'
/** On a Deployment, by its owner: settings of the Canary that Kinglet makes for it. Values are read by `settings.ts`. */
export const settingAnnotations = {
  service: 'kinglet.sh/service',
  port: 'kinglet.sh/port',
  interval: 'kinglet.sh/interval',
  threshold: 'kinglet.sh/threshold',
  stepWeight: 'kinglet.sh/step-weight',
  stepWeights: 'kinglet.sh/step-weights',
  maxWeight: 'kinglet.sh/max-weight',
  iterations: 'kinglet.sh/iterations',
  successRate: 'kinglet.sh/success-rate',
  latencyP99: 'kinglet.sh/latency-p99',
  matchHeader: 'kinglet.sh/match-header',
  matchCookie: 'kinglet.sh/match-cookie',
  guard: 'kinglet.sh/guard',
  guardAlpha: 'kinglet.sh/guard-alpha',
  guardTolerance: 'kinglet.sh/guard-tolerance',
  advance: 'kinglet.sh/advance',
  maxDuration: 'kinglet.sh/max-duration',
  onInconclusive: 'kinglet.sh/on-inconclusive',
  harmBudget: 'kinglet.sh/harm-budget',
  bake: 'kinglet.sh/bake',
} as const
/** On a Deployment, by its owner: the replica count wished for while Kinglet holds `spec.replicas` at 0. Also written by the webhook. */
export const replicasAnnotation = 'kinglet.sh/replicas'
/** On a target Deployment, by the controller alone: JSON of `TargetStatus` (target.ts). The webhook decides by it. */
export const targetStatusAnnotation = 'kinglet.sh/status'

/** On a Service that Kinglet manages: JSON of `ManagedService` (service.ts): what selector and ports must be, and what they were. */
export const managedServiceAnnotation = 'kinglet.sh/managed-service'

/** On a Service beside the apex, by its owner: `true` where it is meant for the pods of both tracks. */
export const bothTracksAnnotation = 'kinglet.sh/both-tracks'

/** On a Canary or its target, by a person: `true` holds the weight while the judge goes on. The first is Flagger-style, both mean the same. */
export const pauseAnnotations = ['flagger.app/pause', 'kinglet.sh/pause'] as const

/** Label on a pod template: the pods webhook adds the sidecar to pods that carry it. */
export const injectLabel = 'kinglet.sh/inject'
/** Annotation on a pod template beside the label: the number of the port on which the app answers, e.g. `8080`. */
export const appPortAnnotation = 'kinglet.sh/app-port'
/** Annotation on an injected pod: the image of the sidecar that it got. */
export const injectedImageAnnotation = 'kinglet.sh/proxy-image'
/** Annotations on a pod template, by its owner: resources and verbosity of the sidecar, and what the app speaks. Its other settings: `proxy-settings.ts`. */
export const proxyAnnotations = {
  cpuRequest: 'kinglet.sh/proxy-cpu-request',
  cpuLimit: 'kinglet.sh/proxy-cpu-limit',
  memoryRequest: 'kinglet.sh/proxy-memory-request',
  memoryLimit: 'kinglet.sh/proxy-memory-limit',
  logLevel: 'kinglet.sh/proxy-log-level',
  /** `tcp` or `http`: what the app speaks, before the sidecar has heard from the controller, and whatever the Service says. */
  protocol: 'kinglet.sh/protocol',
} as const
/** Annotation on the primary's pod template: the revision of the target that it was made from. A new one always rolls the pods. */
export const revisionAnnotation = 'kinglet.sh/revision'
/** Keys that the injection adds to a template: they never count as a new revision. */
export const injectedTemplateKeys = [injectLabel, appPortAnnotation] as const

/** Label on everything that Kinglet makes: the name of the Canary it belongs to. */
export const canaryNameLabel = 'kinglet.sh/canary-name'
export const managedByLabel = { 'app.kubernetes.io/managed-by': 'kinglet' } as const
/** Label that the leading controller puts on its own pod; the Service that sidecars dial selects it. */
export const leaderLabel = 'kinglet.sh/leader'

/** Finalizer on every Canary: removal gives the Deployment and the Service back before the Canary goes. Flagger's name. */
export const finalizer = 'finalizer.flagger.app'
/** Flagger's opt-out of config tracking, and its mark on a promoted template. */
export const configTrackingAnnotation = 'flagger.app/config-tracking'

/** The sidecar. Names are unique in any pod by their prefix and fit the 15 characters of a port name. */
export const proxyContainerName = 'kinglet-proxy'
export const proxyTokenVolumeName = 'kinglet-token'
export const proxyTokenPath = '/var/run/secrets/kinglet.sh'
export const proxyPorts = {
  route: { name: 'kinglet-route', port: 14080 },
  direct: { name: 'kinglet-direct', port: 14081 },
  admin: { name: 'kinglet-admin', port: 14082 },
} as const

/** The controller's Service for sidecars, in Kinglet's own namespace. */
export const streamService = { name: 'kinglet-controller', port: 14090 } as const
/** Audience of the projected service-account token that a sidecar shows to the controller. */
export const tokenAudience = 'kinglet.sh/controller'
export const defaultNamespace = 'kinglet-system'

/** Field manager of all writes by the controller. */
export const fieldManager = 'kinglet'
/** Suffixes of the split, Flagger's. */
export const primaryName = (name: string): string => `${name}-primary`
export const canaryServiceName = (name: string): string => `${name}-canary`
