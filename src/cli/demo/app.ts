import { canaryAnnotation, settingAnnotations } from '../../api/keys.ts'
import type { JsonObject } from '../../base/json.ts'

/** The objects of the demo, as a person would write them: one Deployment with one annotation, one Service, one client. */

export const demoNamespace = 'demo'
export const appName = 'podinfo'
export const clientName = 'client'

export interface DemoVersion {
  readonly name: 'v1' | 'v2' | 'v3'
  readonly image: string
  readonly arguments: readonly string[]
}

export const versions = {
  v1: { name: 'v1', image: 'ghcr.io/stefanprodan/podinfo:6.9.0', arguments: [] },
  v2: { name: 'v2', image: 'ghcr.io/stefanprodan/podinfo:6.9.1', arguments: [] },
  /** Answers about a third of its requests with an error: 500, 400 or 409 alike, of which 500 alone counts against it. */
  v3: { name: 'v3', image: 'ghcr.io/stefanprodan/podinfo:6.9.2', arguments: ['--random-error'] },
} as const satisfies Record<string, DemoVersion>

/** Short steps, so that a release is watched in seconds. In production an interval is a minute or more. */
export const demoSettings: Readonly<Record<string, string>> = {
  [canaryAnnotation]: 'enabled',
  [settingAnnotations.interval]: '2s',
  [settingAnnotations.threshold]: '2',
  [settingAnnotations.stepWeight]: '10',
  [settingAnnotations.maxWeight]: '50',
}

export const namespaceObject: JsonObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: demoNamespace } }

export const serviceObject: JsonObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: appName, namespace: demoNamespace },
  spec: { selector: { app: appName }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
}

export function buildDeployment(version: DemoVersion): JsonObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: appName, namespace: demoNamespace, labels: { app: appName }, annotations: demoSettings },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: appName } },
      template: {
        metadata: { labels: { app: appName } },
        spec: {
          containers: [
            {
              name: 'podinfo',
              image: version.image,
              command: ['./podinfo', '--port=9898', '--level=error', ...version.arguments],
              env: [{ name: 'PODINFO_UI_MESSAGE', value: version.name }],
              ports: [{ name: 'http', containerPort: 9898 }],
              readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  }
}

/** An ordinary pod that is not injected: it calls the Service by its name, at a constant rate, whatever comes back. */
export function buildClient(requestsPerSecond: number): JsonObject {
  const streams = [{ name: 'users', url: `http://${appName}/`, rate: requestsPerSecond }]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: clientName, namespace: demoNamespace, labels: { app: clientName } },
    spec: {
      terminationGracePeriodSeconds: 2,
      containers: [
        {
          name: clientName,
          image: 'kinglet-e2e-client:1',
          imagePullPolicy: 'IfNotPresent',
          env: [{ name: 'LOAD_STREAMS', value: JSON.stringify(streams) }],
        },
      ],
    },
  }
}
