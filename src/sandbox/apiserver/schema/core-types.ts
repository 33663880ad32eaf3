/** The types of the core group and of pods, of Kubernetes 1.34, in the notation of `notation.ts`. */
export const coreTypes = `
# core io.k8s.api.core.v1
AWSElasticBlockStoreVolumeSource { fsType: string, partition: int32, readOnly: bool, volumeID!: string }
Affinity { nodeAffinity: NodeAffinity, podAffinity: PodAffinity, podAntiAffinity: PodAntiAffinity }
AppArmorProfile { localhostProfile: string, type!: string }
AttachedVolume { devicePath!: string, name!: string }
AzureDiskVolumeSource { cachingMode: string @default("ReadWrite"), diskName!: string, diskURI!: string, fsType: string @default("ext4"), kind: string @default("Shared"), readOnly: bool }
AzureFileVolumeSource { readOnly: bool, secretName!: string, shareName!: string }
CSIVolumeSource { driver!: string, fsType: string, nodePublishSecretRef: LocalObjectReference, readOnly: bool, volumeAttributes: {string} }
Capabilities { add: [string] @atomic, drop: [string] @atomic }
CephFSVolumeSource { monitors!: [string] @atomic, path: string, readOnly: bool, secretFile: string, secretRef: LocalObjectReference, user: string }
CinderVolumeSource { fsType: string, readOnly: bool, secretRef: LocalObjectReference, volumeID!: string }
ClientIPConfig { timeoutSeconds: int32 }
ClusterTrustBundleProjection { labelSelector: meta/LabelSelector, name: string, optional: bool, path!: string, signerName: string }
ConfigMap { apiVersion: string, binaryData: {bytes}, data: {string}, immutable: bool, kind: string, metadata: meta/ObjectMeta }
ConfigMapEnvSource { name: string, optional: bool }
ConfigMapKeySelector @atomic { key!: string, name: string, optional: bool }
ConfigMapNodeConfigSource { kubeletConfigKey!: string, name!: string, namespace!: string, resourceVersion: string, uid: string }
ConfigMapProjection { items: [KeyToPath] @atomic, name: string, optional: bool }
ConfigMapVolumeSource { defaultMode: int32, items: [KeyToPath] @atomic, name: string, optional: bool }
Container { args: [string] @atomic, command: [string] @atomic, env: [EnvVar] @map(name) @merge(name), envFrom: [EnvFromSource] @atomic, image: string, imagePullPolicy: string, lifecycle: Lifecycle, livenessProbe: Probe, name!: string, ports: [ContainerPort] @map(containerPort protocol) @merge(containerPort), readinessProbe: Probe, resizePolicy: [ContainerResizePolicy] @atomic, resources: ResourceRequirements, restartPolicy: string, restartPolicyRules: [ContainerRestartRule] @atomic, securityContext: SecurityContext, startupProbe: Probe, stdin: bool, stdinOnce: bool, terminationMessagePath: string, terminationMessagePolicy: string, tty: bool, volumeDevices: [VolumeDevice] @map(devicePath) @merge(devicePath), volumeMounts: [VolumeMount] @map(mountPath) @merge(mountPath), workingDir: string }
ContainerExtendedResourceRequest { containerName!: string, requestName!: string, resourceName!: string }
ContainerImage { names: [string] @atomic, sizeBytes: int64 }
ContainerPort { containerPort!: int32, hostIP: string, hostPort: int32, name: string, protocol: string @default("TCP") }
ContainerResizePolicy { resourceName!: string, restartPolicy!: string }
ContainerRestartRule { action!: string, exitCodes: ContainerRestartRuleOnExitCodes }
ContainerRestartRuleOnExitCodes { operator!: string, values: [int32] @set }
ContainerState { running: ContainerStateRunning, terminated: ContainerStateTerminated, waiting: ContainerStateWaiting }
ContainerStateRunning { startedAt: time }
ContainerStateTerminated { containerID: string, exitCode!: int32, finishedAt: time, message: string, reason: string, signal: int32, startedAt: time }
ContainerStateWaiting { message: string, reason: string }
ContainerStatus { allocatedResources: {quantity}, allocatedResourcesStatus: [ResourceStatus] @map(name) @merge(name), containerID: string, image!: string, imageID!: string, lastState: ContainerState, name!: string, ready!: bool, resources: ResourceRequirements, restartCount!: int32, started: bool, state: ContainerState, stopSignal: string, user: ContainerUser, volumeMounts: [VolumeMountStatus] @map(mountPath) @merge(mountPath) }
ContainerUser { linux: LinuxContainerUser }
DaemonEndpoint { Port!: int32 }
DownwardAPIProjection { items: [DownwardAPIVolumeFile] @atomic }
DownwardAPIVolumeFile { fieldRef: ObjectFieldSelector, mode: int32, path!: string, resourceFieldRef: ResourceFieldSelector }
DownwardAPIVolumeSource { defaultMode: int32, items: [DownwardAPIVolumeFile] @atomic }
EmptyDirVolumeSource { medium: string, sizeLimit: quantity }
EnvFromSource { configMapRef: ConfigMapEnvSource, prefix: string, secretRef: SecretEnvSource }
EnvVar { name!: string, value: string, valueFrom: EnvVarSource }
EnvVarSource { configMapKeyRef: ConfigMapKeySelector, fieldRef: ObjectFieldSelector, fileKeyRef: FileKeySelector, resourceFieldRef: ResourceFieldSelector, secretKeyRef: SecretKeySelector }
EphemeralContainer { args: [string] @atomic, command: [string] @atomic, env: [EnvVar] @map(name) @merge(name), envFrom: [EnvFromSource] @atomic, image: string, imagePullPolicy: string, lifecycle: Lifecycle, livenessProbe: Probe, name!: string, ports: [ContainerPort] @map(containerPort protocol) @merge(containerPort), readinessProbe: Probe, resizePolicy: [ContainerResizePolicy] @atomic, resources: ResourceRequirements, restartPolicy: string, restartPolicyRules: [ContainerRestartRule] @atomic, securityContext: SecurityContext, startupProbe: Probe, stdin: bool, stdinOnce: bool, targetContainerName: string, terminationMessagePath: string, terminationMessagePolicy: string, tty: bool, volumeDevices: [VolumeDevice] @map(devicePath) @merge(devicePath), volumeMounts: [VolumeMount] @map(mountPath) @merge(mountPath), workingDir: string }
EphemeralVolumeSource { volumeClaimTemplate: PersistentVolumeClaimTemplate }
Event { action: string, apiVersion: string, count: int32, eventTime: microTime, firstTimestamp: time, involvedObject!: ObjectReference, kind: string, lastTimestamp: time, message: string, metadata!: meta/ObjectMeta, reason: string, related: ObjectReference, reportingComponent: string, reportingInstance: string, series: EventSeries, source: EventSource, type: string }
EventSeries { count: int32, lastObservedTime: microTime }
EventSource { component: string, host: string }
ExecAction { command: [string] @atomic }
FCVolumeSource { fsType: string, lun: int32, readOnly: bool, targetWWNs: [string] @atomic, wwids: [string] @atomic }
FileKeySelector @atomic { key!: string, optional: bool, path!: string, volumeName!: string }
FlexVolumeSource { driver!: string, fsType: string, options: {string}, readOnly: bool, secretRef: LocalObjectReference }
FlockerVolumeSource { datasetName: string, datasetUUID: string }
GCEPersistentDiskVolumeSource { fsType: string, partition: int32, pdName!: string, readOnly: bool }
GRPCAction { port!: int32, service: string }
GitRepoVolumeSource { directory: string, repository!: string, revision: string }
GlusterfsVolumeSource { endpoints!: string, path!: string, readOnly: bool }
HTTPGetAction { host: string, httpHeaders: [HTTPHeader] @atomic, path: string, port!: intOrString, scheme: string }
HTTPHeader { name!: string, value!: string }
HostAlias { hostnames: [string] @atomic, ip!: string }
HostIP { ip!: string }
HostPathVolumeSource { path!: string, type: string }
ISCSIVolumeSource { chapAuthDiscovery: bool, chapAuthSession: bool, fsType: string, initiatorName: string, iqn!: string, iscsiInterface: string @default("default"), lun!: int32, portals: [string] @atomic, readOnly: bool, secretRef: LocalObjectReference, targetPortal!: string }
ImageVolumeSource { pullPolicy: string, reference: string }
KeyToPath { key!: string, mode: int32, path!: string }
Lifecycle { postStart: LifecycleHandler, preStop: LifecycleHandler, stopSignal: string }
LifecycleHandler { exec: ExecAction, httpGet: HTTPGetAction, sleep: SleepAction, tcpSocket: TCPSocketAction }
LinuxContainerUser { gid!: int64, supplementalGroups: [int64] @atomic, uid!: int64 }
LoadBalancerIngress { hostname: string, ip: string, ipMode: string, ports: [PortStatus] @atomic }
LoadBalancerStatus { ingress: [LoadBalancerIngress] @atomic }
LocalObjectReference @atomic { name: string }
NFSVolumeSource { path!: string, readOnly: bool, server!: string }
Namespace { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: NamespaceSpec, status: NamespaceStatus }
NamespaceCondition { lastTransitionTime: time, message: string, reason: string, status!: string, type!: string }
NamespaceSpec { finalizers: [string] @atomic }
NamespaceStatus { conditions: [NamespaceCondition] @map(type) @merge(type), phase: string }
Node { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: NodeSpec, status: NodeStatus }
NodeAddress { address!: string, type!: string }
NodeAffinity { preferredDuringSchedulingIgnoredDuringExecution: [PreferredSchedulingTerm] @atomic, requiredDuringSchedulingIgnoredDuringExecution: NodeSelector }
NodeCondition { lastHeartbeatTime: time, lastTransitionTime: time, message: string, reason: string, status!: string, type!: string }
NodeConfigSource { configMap: ConfigMapNodeConfigSource }
NodeConfigStatus { active: NodeConfigSource, assigned: NodeConfigSource, error: string, lastKnownGood: NodeConfigSource }
NodeDaemonEndpoints { kubeletEndpoint: DaemonEndpoint }
NodeFeatures { supplementalGroupsPolicy: bool }
NodeRuntimeHandler { features: NodeRuntimeHandlerFeatures, name: string }
NodeRuntimeHandlerFeatures { recursiveReadOnlyMounts: bool, userNamespaces: bool }
NodeSelector @atomic { nodeSelectorTerms!: [NodeSelectorTerm] @atomic }
NodeSelectorRequirement { key!: string, operator!: string, values: [string] @atomic }
NodeSelectorTerm @atomic { matchExpressions: [NodeSelectorRequirement] @atomic, matchFields: [NodeSelectorRequirement] @atomic }
NodeSpec { configSource: NodeConfigSource, externalID: string, podCIDR: string, podCIDRs: [string] @set @merge(), providerID: string, taints: [Taint] @atomic, unschedulable: bool }
NodeStatus { addresses: [NodeAddress] @map(type) @merge(type), allocatable: {quantity}, capacity: {quantity}, conditions: [NodeCondition] @map(type) @merge(type), config: NodeConfigStatus, daemonEndpoints: NodeDaemonEndpoints, features: NodeFeatures, images: [ContainerImage] @atomic, nodeInfo: NodeSystemInfo, phase: string, runtimeHandlers: [NodeRuntimeHandler] @atomic, volumesAttached: [AttachedVolume] @atomic, volumesInUse: [string] @atomic }
NodeSwapStatus { capacity: int64 }
NodeSystemInfo { architecture!: string, bootID!: string, containerRuntimeVersion!: string, kernelVersion!: string, kubeProxyVersion!: string, kubeletVersion!: string, machineID!: string, operatingSystem!: string, osImage!: string, swap: NodeSwapStatus, systemUUID!: string }
ObjectFieldSelector @atomic { apiVersion: string, fieldPath!: string }
ObjectReference @atomic { apiVersion: string, fieldPath: string, kind: string, name: string, namespace: string, resourceVersion: string, uid: string }
PersistentVolumeClaimSpec { accessModes: [string] @atomic, dataSource: TypedLocalObjectReference, dataSourceRef: TypedObjectReference, resources: VolumeResourceRequirements, selector: meta/LabelSelector, storageClassName: string, volumeAttributesClassName: string, volumeMode: string, volumeName: string }
PersistentVolumeClaimTemplate { metadata: meta/ObjectMeta, spec!: PersistentVolumeClaimSpec }
PersistentVolumeClaimVolumeSource { claimName!: string, readOnly: bool }
PhotonPersistentDiskVolumeSource { fsType: string, pdID!: string }
Pod { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: PodSpec, status: PodStatus }
PodAffinity { preferredDuringSchedulingIgnoredDuringExecution: [WeightedPodAffinityTerm] @atomic, requiredDuringSchedulingIgnoredDuringExecution: [PodAffinityTerm] @atomic }
PodAffinityTerm { labelSelector: meta/LabelSelector, matchLabelKeys: [string] @atomic, mismatchLabelKeys: [string] @atomic, namespaceSelector: meta/LabelSelector, namespaces: [string] @atomic, topologyKey!: string }
PodAntiAffinity { preferredDuringSchedulingIgnoredDuringExecution: [WeightedPodAffinityTerm] @atomic, requiredDuringSchedulingIgnoredDuringExecution: [PodAffinityTerm] @atomic }
PodCertificateProjection { certificateChainPath: string, credentialBundlePath: string, keyPath: string, keyType!: string, maxExpirationSeconds: int32, signerName!: string }
PodCondition { lastProbeTime: time, lastTransitionTime: time, message: string, observedGeneration: int64, reason: string, status!: string, type!: string }
PodDNSConfig { nameservers: [string] @atomic, options: [PodDNSConfigOption] @atomic, searches: [string] @atomic }
PodDNSConfigOption { name: string, value: string }
PodExtendedResourceClaimStatus { requestMappings!: [ContainerExtendedResourceRequest] @atomic, resourceClaimName!: string }
PodIP { ip!: string }
PodOS { name!: string }
PodReadinessGate { conditionType!: string }
PodResourceClaim { name!: string, resourceClaimName: string, resourceClaimTemplateName: string }
PodResourceClaimStatus { name!: string, resourceClaimName: string }
PodSchedulingGate { name!: string }
PodSecurityContext { appArmorProfile: AppArmorProfile, fsGroup: int64, fsGroupChangePolicy: string, runAsGroup: int64, runAsNonRoot: bool, runAsUser: int64, seLinuxChangePolicy: string, seLinuxOptions: SELinuxOptions, seccompProfile: SeccompProfile, supplementalGroups: [int64] @atomic, supplementalGroupsPolicy: string, sysctls: [Sysctl] @atomic, windowsOptions: WindowsSecurityContextOptions }
PodSpec { activeDeadlineSeconds: int64, affinity: Affinity, automountServiceAccountToken: bool, containers!: [Container] @map(name) @merge(name), dnsConfig: PodDNSConfig, dnsPolicy: string, enableServiceLinks: bool, ephemeralContainers: [EphemeralContainer] @map(name) @merge(name), hostAliases: [HostAlias] @map(ip) @merge(ip), hostIPC: bool, hostNetwork: bool, hostPID: bool, hostUsers: bool, hostname: string, hostnameOverride: string, imagePullSecrets: [LocalObjectReference] @map(name) @merge(name), initContainers: [Container] @map(name) @merge(name), nodeName: string, nodeSelector: {string} @atomic, os: PodOS, overhead: {quantity}, preemptionPolicy: string, priority: int32, priorityClassName: string, readinessGates: [PodReadinessGate] @atomic, resourceClaims: [PodResourceClaim] @map(name) @merge(name) @retainKeys, resources: ResourceRequirements, restartPolicy: string, runtimeClassName: string, schedulerName: string, schedulingGates: [PodSchedulingGate] @map(name) @merge(name), securityContext: PodSecurityContext, serviceAccount: string, serviceAccountName: string, setHostnameAsFQDN: bool, shareProcessNamespace: bool, subdomain: string, terminationGracePeriodSeconds: int64, tolerations: [Toleration] @atomic, topologySpreadConstraints: [TopologySpreadConstraint] @map(topologyKey whenUnsatisfiable) @merge(topologyKey), volumes: [Volume] @map(name) @merge(name) @retainKeys }
PodStatus { conditions: [PodCondition] @map(type) @merge(type), containerStatuses: [ContainerStatus] @atomic, ephemeralContainerStatuses: [ContainerStatus] @atomic, extendedResourceClaimStatus: PodExtendedResourceClaimStatus, hostIP: string, hostIPs: [HostIP] @atomic @merge(ip), initContainerStatuses: [ContainerStatus] @atomic, message: string, nominatedNodeName: string, observedGeneration: int64, phase: string, podIP: string, podIPs: [PodIP] @map(ip) @merge(ip), qosClass: string, reason: string, resize: string, resourceClaimStatuses: [PodResourceClaimStatus] @map(name) @merge(name) @retainKeys, startTime: time }
PodTemplateSpec { metadata: meta/ObjectMeta, spec: PodSpec }
PortStatus { error: string, port!: int32, protocol!: string }
PortworxVolumeSource { fsType: string, readOnly: bool, volumeID!: string }
PreferredSchedulingTerm { preference!: NodeSelectorTerm, weight!: int32 }
Probe { exec: ExecAction, failureThreshold: int32, grpc: GRPCAction, httpGet: HTTPGetAction, initialDelaySeconds: int32, periodSeconds: int32, successThreshold: int32, tcpSocket: TCPSocketAction, terminationGracePeriodSeconds: int64, timeoutSeconds: int32 }
ProjectedVolumeSource { defaultMode: int32, sources: [VolumeProjection] @atomic }
QuobyteVolumeSource { group: string, readOnly: bool, registry!: string, tenant: string, user: string, volume!: string }
RBDVolumeSource { fsType: string, image!: string, keyring: string @default("/etc/ceph/keyring"), monitors!: [string] @atomic, pool: string @default("rbd"), readOnly: bool, secretRef: LocalObjectReference, user: string @default("admin") }
ResourceClaim { name!: string, request: string }
ResourceFieldSelector @atomic { containerName: string, divisor: quantity, resource!: string }
ResourceHealth { health: string, resourceID!: string }
ResourceRequirements { claims: [ResourceClaim] @map(name), limits: {quantity}, requests: {quantity} }
ResourceStatus { name!: string, resources: [ResourceHealth] @map(resourceID) }
SELinuxOptions { level: string, role: string, type: string, user: string }
ScaleIOVolumeSource { fsType: string @default("xfs"), gateway!: string, protectionDomain: string, readOnly: bool, secretRef!: LocalObjectReference, sslEnabled: bool, storageMode: string @default("ThinProvisioned"), storagePool: string, system!: string, volumeName: string }
SeccompProfile { localhostProfile: string, type!: string }
Secret { apiVersion: string, data: {bytes}, immutable: bool, kind: string, metadata: meta/ObjectMeta, stringData: {string}, type: string }
SecretEnvSource { name: string, optional: bool }
SecretKeySelector @atomic { key!: string, name: string, optional: bool }
SecretProjection { items: [KeyToPath] @atomic, name: string, optional: bool }
SecretVolumeSource { defaultMode: int32, items: [KeyToPath] @atomic, optional: bool, secretName: string }
SecurityContext { allowPrivilegeEscalation: bool, appArmorProfile: AppArmorProfile, capabilities: Capabilities, privileged: bool, procMount: string, readOnlyRootFilesystem: bool, runAsGroup: int64, runAsNonRoot: bool, runAsUser: int64, seLinuxOptions: SELinuxOptions, seccompProfile: SeccompProfile, windowsOptions: WindowsSecurityContextOptions }
Service { apiVersion: string, kind: string, metadata: meta/ObjectMeta, spec: ServiceSpec, status: ServiceStatus }
ServiceAccount { apiVersion: string, automountServiceAccountToken: bool, imagePullSecrets: [LocalObjectReference] @atomic, kind: string, metadata: meta/ObjectMeta, secrets: [ObjectReference] @map(name) @merge(name) }
ServiceAccountTokenProjection { audience: string, expirationSeconds: int64, path!: string }
ServicePort { appProtocol: string, name: string, nodePort: int32, port!: int32, protocol: string @default("TCP"), targetPort: intOrString }
ServiceSpec { allocateLoadBalancerNodePorts: bool, clusterIP: string, clusterIPs: [string] @atomic, externalIPs: [string] @atomic, externalName: string, externalTrafficPolicy: string, healthCheckNodePort: int32, internalTrafficPolicy: string, ipFamilies: [string] @atomic, ipFamilyPolicy: string, loadBalancerClass: string, loadBalancerIP: string, loadBalancerSourceRanges: [string] @atomic, ports: [ServicePort] @map(port protocol) @merge(port), publishNotReadyAddresses: bool, selector: {string} @atomic, sessionAffinity: string, sessionAffinityConfig: SessionAffinityConfig, trafficDistribution: string, type: string }
ServiceStatus { conditions: [meta/Condition] @map(type) @merge(type), loadBalancer: LoadBalancerStatus }
SessionAffinityConfig { clientIP: ClientIPConfig }
SleepAction { seconds!: int64 }
StorageOSVolumeSource { fsType: string, readOnly: bool, secretRef: LocalObjectReference, volumeName: string, volumeNamespace: string }
Sysctl { name!: string, value!: string }
TCPSocketAction { host: string, port!: intOrString }
Taint { effect!: string, key!: string, timeAdded: time, value: string }
Toleration { effect: string, key: string, operator: string, tolerationSeconds: int64, value: string }
TopologySpreadConstraint { labelSelector: meta/LabelSelector, matchLabelKeys: [string] @atomic, maxSkew!: int32, minDomains: int32, nodeAffinityPolicy: string, nodeTaintsPolicy: string, topologyKey!: string, whenUnsatisfiable!: string }
TypedLocalObjectReference @atomic { apiGroup: string, kind!: string, name!: string }
TypedObjectReference { apiGroup: string, kind!: string, name!: string, namespace: string }
Volume { awsElasticBlockStore: AWSElasticBlockStoreVolumeSource, azureDisk: AzureDiskVolumeSource, azureFile: AzureFileVolumeSource, cephfs: CephFSVolumeSource, cinder: CinderVolumeSource, configMap: ConfigMapVolumeSource, csi: CSIVolumeSource, downwardAPI: DownwardAPIVolumeSource, emptyDir: EmptyDirVolumeSource, ephemeral: EphemeralVolumeSource, fc: FCVolumeSource, flexVolume: FlexVolumeSource, flocker: FlockerVolumeSource, gcePersistentDisk: GCEPersistentDiskVolumeSource, gitRepo: GitRepoVolumeSource, glusterfs: GlusterfsVolumeSource, hostPath: HostPathVolumeSource, image: ImageVolumeSource, iscsi: ISCSIVolumeSource, name!: string, nfs: NFSVolumeSource, persistentVolumeClaim: PersistentVolumeClaimVolumeSource, photonPersistentDisk: PhotonPersistentDiskVolumeSource, portworxVolume: PortworxVolumeSource, projected: ProjectedVolumeSource, quobyte: QuobyteVolumeSource, rbd: RBDVolumeSource, scaleIO: ScaleIOVolumeSource, secret: SecretVolumeSource, storageos: StorageOSVolumeSource, vsphereVolume: VsphereVirtualDiskVolumeSource }
VolumeDevice { devicePath!: string, name!: string }
VolumeMount { mountPath!: string, mountPropagation: string, name!: string, readOnly: bool, recursiveReadOnly: string, subPath: string, subPathExpr: string }
VolumeMountStatus { mountPath!: string, name!: string, readOnly: bool, recursiveReadOnly: string }
VolumeProjection { clusterTrustBundle: ClusterTrustBundleProjection, configMap: ConfigMapProjection, downwardAPI: DownwardAPIProjection, podCertificate: PodCertificateProjection, secret: SecretProjection, serviceAccountToken: ServiceAccountTokenProjection }
VolumeResourceRequirements { limits: {quantity}, requests: {quantity} }
VsphereVirtualDiskVolumeSource { fsType: string, storagePolicyID: string, storagePolicyName: string, volumePath!: string }
WeightedPodAffinityTerm { podAffinityTerm!: PodAffinityTerm, weight!: int32 }
WindowsSecurityContextOptions { gmsaCredentialSpec: string, gmsaCredentialSpecName: string, hostProcess: bool, runAsUserName: string }
`
