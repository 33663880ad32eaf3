import { startDeploymentController } from './deployment.ts'
import { startDisruptionController } from './disruption.ts'
import { startEndpointSliceController } from './endpointslice.ts'
import type { ControllerOptions } from './owned.ts'
import { startReplicaSetController } from './replicaset.ts'

/**
 * The cluster's own controllers, as far as the sandbox has them: Deployments, ReplicaSets, EndpointSlices, the status of
 * PodDisruptionBudgets. HorizontalPodAutoscalers are stored and nothing else.
 */
export function startControllers(options: ControllerOptions): { stop(): Promise<void> } {
  const stops = [startDeploymentController(options), startReplicaSetController(options), startEndpointSliceController(options), startDisruptionController(options)]
  return { stop: async () => void (await Promise.all(stops.map((stop) => stop()))) }
}
