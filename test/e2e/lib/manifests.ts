import type { JsonObject } from '../../../src/base/json.ts'

/** What a user of the cluster writes: plain manifests, with nothing in them that knows of the suites. */

export const podinfoImage = 'ghcr.io/stefanprodan/podinfo:6.9.2'
export const loadImage = 'kinglet-e2e-client:1'
export const appPort = 8080
export const grpcPort = 9999

export interface AppOptions {
  readonly namespace: string
  /** Of the Deployment, its `app` label and its Service. Default podinfo. */
  readonly name?: string
  /** What the app answers as its `message`. */
  readonly version: string
  /** null: the manifest leaves it out. Default 2. */
  readonly replicas?: number | null
  /**
   * podinfo's own faults: `errors` answers 1 of 3 requests with 500, 400 or 409; `slow` answers after 0.6 to 0.9 s. Two are another
   * program: `broken` is ready and answers 500 to everything else, `breakable` answers like podinfo until somebody asks for /break.
   */
  readonly fault?: 'errors' | 'slow' | 'broken' | 'breakable'
  readonly annotations?: Readonly<Record<string, string>>
  /** It answers gRPC as well, at a port of its own. */
  readonly isGrpc?: boolean
  /** Fits a namespace with Pod Security `restricted`. */
  readonly restricted?: boolean
}

const faultFlags = {
  errors: ['--random-error'],
  slow: ['--random-delay', '--random-delay-min=600', '--random-delay-max=900', '--random-delay-unit=ms'],
} as const

/** Ready, and of no use. */
const brokenServer = `require('node:http').createServer((request, response) => {
  response.writeHead(request.url === '/readyz' ? 200 : 500).end()
}).listen(${appPort})`

/** Well until it is told to break; then of no use, and still ready. */
const breakableServer = `const { hostname } = require('node:os'), message = process.env.PODINFO_UI_MESSAGE
let isBroken = false
require('node:http').createServer((request, response) => {
  if (request.url === '/break') isBroken = true
  const status = isBroken && request.url !== '/break' && request.url !== '/readyz' ? 500 : 200
  response.writeHead(status, { 'content-type': 'application/json' }).end(status === 200 ? JSON.stringify({ message, hostname: process.env.HOSTNAME || hostname() }) : '')
}).listen(${appPort})`

/** Broken for calls: each is INTERNAL. */
const brokenGrpcServer = `require('node:http2').createServer().on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '13' }, { endStream: true })
}).listen(${grpcPort})`

const programs = { broken: brokenServer, breakable: breakableServer } as const

const programOf = ({ fault, isGrpc }: AppOptions): JsonObject =>
  fault === 'broken' || fault === 'breakable'
    ? { image: loadImage, command: ['/usr/local/bin/node', '-e', isGrpc ? `${programs[fault]};${brokenGrpcServer}` : programs[fault]] }
    : { image: podinfoImage, command: ['./podinfo', `--port=${appPort}`, ...(isGrpc ? [`--grpc-port=${grpcPort}`] : []), ...(fault ? faultFlags[fault] : [])] }

export function deployment(options: AppOptions): JsonObject {
  const { namespace, name = 'podinfo', version, replicas = 2, annotations, restricted, isGrpc } = options
  const securityContext = { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: { app: name }, ...(annotations ? { annotations } : {}) },
    spec: {
      ...(replicas === null ? {} : { replicas }),
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [
            {
              name: 'podinfo',
              ...programOf(options),
              imagePullPolicy: 'IfNotPresent',
              env: [{ name: 'PODINFO_UI_MESSAGE', value: version }],
              ports: [{ name: 'http', containerPort: appPort }, ...(isGrpc ? [{ name: 'grpc', containerPort: grpcPort }] : [])],
              // Random errors hit the probe too: ten in a row do not happen.
              readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 10 },
              resources: { requests: { cpu: '50m', memory: '32Mi' } },
              ...(restricted ? { securityContext } : {}),
            },
          ],
        },
      },
    },
  }
}

export function service(options: { readonly namespace: string; readonly name?: string; readonly app?: string; readonly targetPort?: number | string; readonly isGrpc?: boolean }): JsonObject {
  const { namespace, name = 'podinfo', app = name, targetPort = 'http', isGrpc } = options
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app }, ports: isGrpc ? [{ name: 'grpc', port: grpcPort, targetPort: 'grpc' }] : [{ name: 'http', port: 80, targetPort }] },
  }
}

export interface CanaryOptions {
  readonly namespace: string
  readonly name?: string
  /** Of the Deployment. Default: the Canary's name. */
  readonly target?: string
  /** Replaces all of the analysis but interval, threshold and metrics. Default: steps of 10 up to 50. */
  readonly strategy?: JsonObject
  readonly interval?: string
  readonly threshold?: number
  /** Replaces the Canary's service. */
  readonly service?: JsonObject
  /** More fields of the spec. */
  readonly spec?: JsonObject
}

/** The reference case of the README with a shorter interval. */
export function canary(options: CanaryOptions): JsonObject {
  const { namespace, name = 'podinfo', target = name, strategy = { maxWeight: 50, stepWeight: 10 }, interval = '2s', threshold = 2 } = options
  return {
    apiVersion: 'flagger.app/v1beta1',
    kind: 'Canary',
    metadata: { name, namespace },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: target },
      service: options.service ?? { port: 80, targetPort: appPort },
      analysis: {
        interval,
        threshold,
        ...strategy,
        metrics: [
          { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '1m' },
          { name: 'request-duration', thresholdRange: { max: 500 }, interval: '1m' },
        ],
      },
      ...options.spec,
    },
  }
}
