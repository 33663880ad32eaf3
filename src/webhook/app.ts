import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler, type Response } from 'express'
import type { InjectionConfig } from '../injection/inject.ts'
import type { Logger } from '../runtime/log.ts'
import { mutateDeployment } from './deployment.ts'
import { noticeMisplaced } from './misplaced.ts'
import type { Mutate } from './mutation.ts'
import { mutatePod } from './pod.ts'
import { answer, readReview } from './review.ts'
import { mutateService } from './service.ts'

export interface AppOptions {
  /** Read for each request: the CA in it changes when certificates do. */
  readonly injection: () => InjectionConfig
  /** Whose Deployments and Services pass unseen: `system:serviceaccount:<namespace>:kinglet-controller`. */
  readonly controllerUser: string
  readonly log: Logger
  /** True from the signal to stop on: connections are closed after their answer. */
  readonly isStopping: () => boolean
}

/** An AdmissionReview carries the object twice, with managedFields; etcd takes 1.5 MiB, controller-runtime reads 7 MiB. */
const maxBodyBytes = 8 << 20
/** Bodies that are read at the same time: any pod may dial this port, and parsed JSON is many times its text. */
const maxBytesInFlight = 32 << 20

/** The mutations over HTTP. Never logs what is in an object: templates hold secrets. */
export function createApp(options: AppOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use((_request, response, next) => {
    if (options.isStopping()) response.set('connection', 'close')
    next()
  })
  app.use(limitBytesInFlight())
  // API servers send bodies as they are; a compressed one would be many times what was counted for it.
  app.use(express.json({ limit: maxBodyBytes, type: () => true, inflate: false }))
  app.post('/mutate/deployments', handle(options, mutateDeployment, options.controllerUser))
  // Whoever asks: the controller's own dry run is how it learns that pods are injected again.
  app.post('/mutate/pods', handle(options, (write) => mutatePod(write, options.injection())))
  app.post('/mutate/services', handle(options, mutateService, options.controllerUser))
  app.post('/notice/misplaced', handle(options, noticeMisplaced))
  app.use((_request, response) => void response.status(404).json({ message: 'kinglet webhook: no such path' }))
  app.use(onError(options.log))
  return app
}

/**
 * Turns requests away while others fill the memory that there is for bodies. Their writes pass: failurePolicy is Ignore. What has come
 * counts, not what is announced: a few connections that announce much and send nothing would keep everybody out.
 */
function limitBytesInFlight(): RequestHandler {
  let inFlight = 0
  return (request, response, next) => {
    let held = 0
    request.on('data', (chunk: Buffer) => {
      held += chunk.length
      inFlight += chunk.length
      if (inFlight > maxBytesInFlight) request.destroy()
    })
    response.once('close', () => void (inFlight -= held))
    next()
  }
}

const handle =
  ({ log }: AppOptions, mutate: Mutate, exempt?: string) =>
  (request: Request, response: Response): void => {
    const question = readReview(request.body)
    if (!question) {
      log.warn('not an AdmissionReview', { path: request.path })
      response.status(400).json({ message: 'kinglet webhook: this is not an AdmissionReview' })
      return
    }
    const { review, changes, warnings, fault } = answer(question, mutate, exempt)
    const { kind, namespace, name, operation, dryRun } = question
    const fields = { kind, namespace, name, operation, dryRun, changes }
    if (fault !== undefined) log.error('mutation failed', { ...fields, error: fault })
    else if (warnings.length > 0) log.info('mutation with a warning', { ...fields, warning: warnings[0] })
    else log.debug('mutation', fields)
    response.json(review)
  }

const onError =
  (log: Logger): ErrorRequestHandler =>
  (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error)
    const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 500
    const type = error instanceof Error && 'type' in error && typeof error.type === 'string' ? error.type : 'unknown'
    log.warn('request refused', { path: request.path, status, type })
    response.status(status).json({ message: `kinglet webhook: ${status === 413 ? `the body is larger than ${maxBodyBytes} bytes` : 'the body is not readable'}` })
    return undefined
  }
