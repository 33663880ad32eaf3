/** The types of the core group and of pods, of Kubernetes 1.34, in the notation of `notation.ts`. */
export const coreTypes = `
# core io.k8s.api.core.v1
AWSElasticBlockStoreVolumeSource { fsType: string #2, partition: int32 #3, readOnly: bool #4, volumeID!: string #1 }
Affinity { nodeAffinity: NodeAffinity #1?, podAffinity: PodAffinity #2?, podAntiAffinity: PodAntiAffinity #3? }
AppArmorProfile { localhostProfile: string #2?, type!: string #1 }
AttachedVolume { devicePath!: string #2, name!: string #1 }
AzureDiskVolumeSource { cachingMode: string #3? @default("ReadWrite"), diskName!: string #1, diskURI!: string #2, fsType: string #4? @default("ext4"), kind: string #6? @default("Shared"), readOnly: bool #5? }
AzureFileVolumeSource { readOnly: bool #3, secretName!: string #1, shareName!: string #2 }
CSIVolumeSource { driver!: string #1, fsType: string #3?, nodePublishSecretRef: LocalObjectReference #5?, readOnly: bool #2?, volumeAttributes: {string} #4 }
Capabilities { add: [string] #1 @atomic, drop: [string] #2 @atomic }
CephFSVolumeSource { monitors!: [string] #1 @atomic, path: string #2, readOnly: bool #6, secretFile: string #4, secretRef: LocalObjectReference #5?, user: string #3 }
CinderVolumeSource { fsType: string #2, readOnly: bool #3, secretRef: LocalObjectReference #4?, volumeID!: string #1 }
ClientIPConfig { timeoutSeconds: int32 #1? }
ClusterTrustBundleProjection { labelSelector: meta/LabelSelector #3?, name: string #1?, optional: bool #5?, path!: string #4, signerName: string #2? }
ConfigMap { apiVersion: string, binaryData: {bytes} #3, data: {string} #2, immutable: bool #4?, kind: string, metadata: meta/ObjectMeta #1 }
ConfigMapEnvSource { name: string #1.1, optional: bool #2? }
ConfigMapKeySelector @atomic { key!: string #2, name: string #1.1, optional: bool #3? }
ConfigMapNodeConfigSource { kubeletConfigKey!: string #5, name!: string #2, namespace!: string #1, resourceVersion: string #4, uid: string #3 }
ConfigMapProjection { items: [KeyToPath] #2 @atomic, name: string #1.1, optional: bool #4? }
ConfigMapVolumeSource { defaultMode: int32 #3?, items: [KeyToPath] #2 @atomic, name: string #1.1, optional: bool #4? }
Container { args: [string] #4 @atomic, command: [string] #3 @atomic, env: [EnvVar] #7 @map(name) @merge(name), envFrom: [EnvFromSource] #19 @atomic, image: string #2, imagePullPolicy: string #14, lifecycle: Lifecycle #12?, livenessProbe: Probe #10?, name!: string #1, ports: [ContainerPort] #6 @map(containerPort protocol) @merge(containerPort), readinessProbe: Probe #11?, resizePolicy: [ContainerResizePolicy] #23 @atomic, resources: ResourceRequirements #8, restartPolicy: string #24?, restartPolicyRules: [ContainerRestartRule] #25 @atomic, securityContext: SecurityContext #15?, startupProbe: Probe #22?, stdin: bool #16, stdinOnce: bool #17, terminationMessagePath: string #13, terminationMessagePolicy: string #20, tty: bool #18, volumeDevices: [VolumeDevice] #21 @map(devicePath) @merge(devicePath), volumeMounts: [VolumeMount] #9 @map(mountPath) @merge(mountPath), workingDir: string #5 }
ContainerExtendedResourceRequest { containerName!: string #1, requestName!: string #3, resourceName!: string #2 }
ContainerImage { names: [string] #1 @atomic, sizeBytes: int64 #2 }
ContainerPort { containerPort!: int32 #3, hostIP: string #5, hostPort: int32 #2, name: string #1, protocol: string #4 @default("TCP") }
ContainerResizePolicy { resourceName!: string #1, restartPolicy!: string #2 }
ContainerRestartRule { action!: string #1, exitCodes: ContainerRestartRuleOnExitCodes #2? }
ContainerRestartRuleOnExitCodes { operator!: string #1, values: [int32] #2 @set }
ContainerState { running: ContainerStateRunning #2?, terminated: ContainerStateTerminated #3?, waiting: ContainerStateWaiting #1? }
ContainerStateRunning { startedAt: time #1 }
ContainerStateTerminated { containerID: string #7, exitCode!: int32 #1, finishedAt: time #6, message: string #4, reason: string #3, signal: int32 #2, startedAt: time #5 }
ContainerStateWaiting { message: string #2, reason: string #1 }
ContainerStatus { allocatedResources: {quantity} #10, allocatedResourcesStatus: [ResourceStatus] #14 @map(name) @merge(name), containerID: string #8, image!: string #6, imageID!: string #7, lastState: ContainerState #3, name!: string #1, ready!: bool #4, resources: ResourceRequirements #11?, restartCount!: int32 #5, started: bool #9?, state: ContainerState #2, stopSignal: string #15?, user: ContainerUser #13?, volumeMounts: [VolumeMountStatus] #12 @map(mountPath) @merge(mountPath) }
ContainerUser { linux: LinuxContainerUser #1? }
DaemonEndpoint { Port!: int32 #1 }
DownwardAPIProjection { items: [DownwardAPIVolumeFile] #1 @atomic }
DownwardAPIVolumeFile { fieldRef: ObjectFieldSelector #2?, mode: int32 #4?, path!: string #1, resourceFieldRef: ResourceFieldSelector #3? }
DownwardAPIVolumeSource { defaultMode: int32 #2?, items: [DownwardAPIVolumeFile] #1 @atomic }
EmptyDirVolumeSource { medium: string #1, sizeLimit: quantity #2? }
EnvFromSource { configMapRef: ConfigMapEnvSource #2?, prefix: string #1, secretRef: SecretEnvSource #3? }
EnvVar { name!: string #1, value: string #2, valueFrom: EnvVarSource #3? }
EnvVarSource { configMapKeyRef: ConfigMapKeySelector #3?, fieldRef: ObjectFieldSelector #1?, fileKeyRef: FileKeySelector #5?, resourceFieldRef: ResourceFieldSelector #2?, secretKeyRef: SecretKeySelector #4? }
EphemeralContainer { args: [string] #1.4 @atomic, command: [string] #1.3 @atomic, env: [EnvVar] #1.7 @map(name) @merge(name), envFrom: [EnvFromSource] #1.19 @atomic, image: string #1.2, imagePullPolicy: string #1.14, lifecycle: Lifecycle #1.12?, livenessProbe: Probe #1.10?, name!: string #1.1, ports: [ContainerPort] #1.6 @map(containerPort protocol) @merge(containerPort), readinessProbe: Probe #1.11?, resizePolicy: [ContainerResizePolicy] #1.23 @atomic, resources: ResourceRequirements #1.8, restartPolicy: string #1.24?, restartPolicyRules: [ContainerRestartRule] #1.25 @atomic, securityContext: SecurityContext #1.15?, startupProbe: Probe #1.22?, stdin: bool #1.16, stdinOnce: bool #1.17, targetContainerName: string #2, terminationMessagePath: string #1.13, terminationMessagePolicy: string #1.20, tty: bool #1.18, volumeDevices: [VolumeDevice] #1.21 @map(devicePath) @merge(devicePath), volumeMounts: [VolumeMount] #1.9 @map(mountPath) @merge(mountPath), workingDir: string #1.5 }
EphemeralVolumeSource { volumeClaimTemplate: PersistentVolumeClaimTemplate #1? }
Event { action: string #12, apiVersion: string, count: int32 #8, eventTime: microTime #10, firstTimestamp: time #6, involvedObject!: ObjectReference #2, kind: string, lastTimestamp: time #7, message: string #4, metadata!: meta/ObjectMeta #1, reason: string #3, related: ObjectReference #13?, reportingComponent: string #14, reportingInstance: string #15, series: EventSeries #11?, source: EventSource #5, type: string #9 }
EventSeries { count: int32 #1, lastObservedTime: microTime #2 }
EventSource { component: string #1, host: string #2 }
ExecAction { command: [string] #1 @atomic }
FCVolumeSource { fsType: string #3, lun: int32 #2?, readOnly: bool #4, targetWWNs: [string] #1 @atomic, wwids: [string] #5 @atomic }
FileKeySelector @atomic { key!: string #3, optional: bool #4?, path!: string #2, volumeName!: string #1 }
FlexVolumeSource { driver!: string #1, fsType: string #2, options: {string} #5, readOnly: bool #4, secretRef: LocalObjectReference #3? }
FlockerVolumeSource { datasetName: string #1, datasetUUID: string #2 }
GCEPersistentDiskVolumeSource { fsType: string #2, partition: int32 #3, pdName!: string #1, readOnly: bool #4 }
GRPCAction { port!: int32 #1, service: string #2? }
GitRepoVolumeSource { directory: string #3, repository!: string #1, revision: string #2 }
GlusterfsVolumeSource { endpoints!: string #1, path!: string #2, readOnly: bool #3 }
HTTPGetAction { host: string #3, httpHeaders: [HTTPHeader] #5 @atomic, path: string #1, port!: intOrString #2, scheme: string #4 }
HTTPHeader { name!: string #1, value!: string #2 }
HostAlias { hostnames: [string] #2 @atomic, ip!: string #1 }
HostIP { ip!: string #1 }
HostPathVolumeSource { path!: string #1, type: string #2? }
ISCSIVolumeSource { chapAuthDiscovery: bool #8, chapAuthSession: bool #11, fsType: string #5, initiatorName: string #12?, iqn!: string #2, iscsiInterface: string #4 @default("default"), lun!: int32 #3, portals: [string] #7 @atomic, readOnly: bool #6, secretRef: LocalObjectReference #10?, targetPortal!: string #1 }
ImageVolumeSource { pullPolicy: string #2, reference: string #1 }
KeyToPath { key!: string #1, mode: int32 #3?, path!: string #2 }
Lifecycle { postStart: LifecycleHandler #1?, preStop: LifecycleHandler #2?, stopSignal: string #3? }
LifecycleHandler { exec: ExecAction #1?, httpGet: HTTPGetAction #2?, sleep: SleepAction #4?, tcpSocket: TCPSocketAction #3? }
LinuxContainerUser { gid!: int64 #2, supplementalGroups: [int64] #3 @atomic, uid!: int64 #1 }
LoadBalancerIngress { hostname: string #2, ip: string #1, ipMode: string #3?, ports: [PortStatus] #4 @atomic }
LoadBalancerStatus { ingress: [LoadBalancerIngress] #1 @atomic }
LocalObjectReference @atomic { name: string #1 }
NFSVolumeSource { path!: string #2, readOnly: bool #3, server!: string #1 }
Namespace { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: NamespaceSpec #2, status: NamespaceStatus #3 }
NamespaceCondition { lastTransitionTime: time #4, message: string #6, reason: string #5, status!: string #2, type!: string #1 }
NamespaceSpec { finalizers: [string] #1 @atomic }
NamespaceStatus { conditions: [NamespaceCondition] #2 @map(type) @merge(type), phase: string #1 }
Node { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: NodeSpec #2, status: NodeStatus #3 }
NodeAddress { address!: string #2, type!: string #1 }
NodeAffinity { preferredDuringSchedulingIgnoredDuringExecution: [PreferredSchedulingTerm] #2 @atomic, requiredDuringSchedulingIgnoredDuringExecution: NodeSelector #1? }
NodeCondition { lastHeartbeatTime: time #3, lastTransitionTime: time #4, message: string #6, reason: string #5, status!: string #2, type!: string #1 }
NodeConfigSource { configMap: ConfigMapNodeConfigSource #2? }
NodeConfigStatus { active: NodeConfigSource #2?, assigned: NodeConfigSource #1?, error: string #4, lastKnownGood: NodeConfigSource #3? }
NodeDaemonEndpoints { kubeletEndpoint: DaemonEndpoint #1 }
NodeFeatures { supplementalGroupsPolicy: bool #1? }
NodeRuntimeHandler { features: NodeRuntimeHandlerFeatures #2?, name: string #1 }
NodeRuntimeHandlerFeatures { recursiveReadOnlyMounts: bool #1?, userNamespaces: bool #2? }
NodeSelector @atomic { nodeSelectorTerms!: [NodeSelectorTerm] #1 @atomic }
NodeSelectorRequirement { key!: string #1, operator!: string #2, values: [string] #3 @atomic }
NodeSelectorTerm @atomic { matchExpressions: [NodeSelectorRequirement] #1 @atomic, matchFields: [NodeSelectorRequirement] #2 @atomic }
NodeSpec { configSource: NodeConfigSource #6?, externalID: string #2, podCIDR: string #1, podCIDRs: [string] #7 @set @merge(), providerID: string #3, taints: [Taint] #5 @atomic, unschedulable: bool #4 }
NodeStatus { addresses: [NodeAddress] #5 @map(type) @merge(type), allocatable: {quantity} #2, capacity: {quantity} #1, conditions: [NodeCondition] #4 @map(type) @merge(type), config: NodeConfigStatus #11?, daemonEndpoints: NodeDaemonEndpoints #6, features: NodeFeatures #13?, images: [ContainerImage] #8 @atomic, nodeInfo: NodeSystemInfo #7, phase: string #3, runtimeHandlers: [NodeRuntimeHandler] #12 @atomic, volumesAttached: [AttachedVolume] #10 @atomic, volumesInUse: [string] #9 @atomic }
NodeSwapStatus { capacity: int64 #1? }
NodeSystemInfo { architecture!: string #10, bootID!: string #3, containerRuntimeVersion!: string #6, kernelVersion!: string #4, kubeProxyVersion!: string #8, kubeletVersion!: string #7, machineID!: string #1, operatingSystem!: string #9, osImage!: string #5, swap: NodeSwapStatus #11?, systemUUID!: string #2 }
ObjectFieldSelector @atomic { apiVersion: string #1, fieldPath!: string #2 }
ObjectReference @atomic { apiVersion: string #5, fieldPath: string #7, kind: string #1, name: string #3, namespace: string #2, resourceVersion: string #6, uid: string #4 }
PersistentVolumeClaimSpec { accessModes: [string] #1 @atomic, dataSource: TypedLocalObjectReference #7?, dataSourceRef: TypedObjectReference #8?, resources: VolumeResourceRequirements #2, selector: meta/LabelSelector #4?, storageClassName: string #5?, volumeAttributesClassName: string #9?, volumeMode: string #6?, volumeName: string #3 }
PersistentVolumeClaimTemplate { metadata: meta/ObjectMeta #1, spec!: PersistentVolumeClaimSpec #2 }
PersistentVolumeClaimVolumeSource { claimName!: string #1, readOnly: bool #2 }
PhotonPersistentDiskVolumeSource { fsType: string #2, pdID!: string #1 }
Pod { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: PodSpec #2, status: PodStatus #3 }
PodAffinity { preferredDuringSchedulingIgnoredDuringExecution: [WeightedPodAffinityTerm] #2 @atomic, requiredDuringSchedulingIgnoredDuringExecution: [PodAffinityTerm] #1 @atomic }
PodAffinityTerm { labelSelector: meta/LabelSelector #1?, matchLabelKeys: [string] #5 @atomic, mismatchLabelKeys: [string] #6 @atomic, namespaceSelector: meta/LabelSelector #4?, namespaces: [string] #2 @atomic, topologyKey!: string #3 }
PodAntiAffinity { preferredDuringSchedulingIgnoredDuringExecution: [WeightedPodAffinityTerm] #2 @atomic, requiredDuringSchedulingIgnoredDuringExecution: [PodAffinityTerm] #1 @atomic }
PodCertificateProjection { certificateChainPath: string #6, credentialBundlePath: string #4, keyPath: string #5, keyType!: string #2, maxExpirationSeconds: int32 #3?, signerName!: string #1 }
PodCondition { lastProbeTime: time #3, lastTransitionTime: time #4, message: string #6, observedGeneration: int64 #7, reason: string #5, status!: string #2, type!: string #1 }
PodDNSConfig { nameservers: [string] #1 @atomic, options: [PodDNSConfigOption] #3 @atomic, searches: [string] #2 @atomic }
PodDNSConfigOption { name: string #1, value: string #2? }
PodExtendedResourceClaimStatus { requestMappings!: [ContainerExtendedResourceRequest] #1 @atomic, resourceClaimName!: string #2 }
PodIP { ip!: string #1 }
PodOS { name!: string #1 }
PodReadinessGate { conditionType!: string #1 }
PodResourceClaim { name!: string #1, resourceClaimName: string #3?, resourceClaimTemplateName: string #4? }
PodResourceClaimStatus { name!: string #1, resourceClaimName: string #2? }
PodSchedulingGate { name!: string #1 }
PodSecurityContext { appArmorProfile: AppArmorProfile #11?, fsGroup: int64 #5?, fsGroupChangePolicy: string #9?, runAsGroup: int64 #6?, runAsNonRoot: bool #3?, runAsUser: int64 #2?, seLinuxChangePolicy: string #13?, seLinuxOptions: SELinuxOptions #1?, seccompProfile: SeccompProfile #10?, supplementalGroups: [int64] #4 @atomic, supplementalGroupsPolicy: string #12?, sysctls: [Sysctl] #7 @atomic, windowsOptions: WindowsSecurityContextOptions #8? }
PodSpec { activeDeadlineSeconds: int64 #5?, affinity: Affinity #18?, automountServiceAccountToken: bool #21?, containers!: [Container] #2 @map(name) @merge(name), dnsConfig: PodDNSConfig #26?, dnsPolicy: string #6, enableServiceLinks: bool #30?, ephemeralContainers: [EphemeralContainer] #34 @map(name) @merge(name), hostAliases: [HostAlias] #23 @map(ip) @merge(ip), hostIPC: bool #13, hostNetwork: bool #11, hostPID: bool #12, hostUsers: bool #37?, hostname: string #16, hostnameOverride: string #41?, imagePullSecrets: [LocalObjectReference] #15 @map(name) @merge(name), initContainers: [Container] #20 @map(name) @merge(name), nodeName: string #10, nodeSelector: {string} #7 @atomic, os: PodOS #36?, overhead: {quantity} #32, preemptionPolicy: string #31?, priority: int32 #25?, priorityClassName: string #24, readinessGates: [PodReadinessGate] #28 @atomic, resourceClaims: [PodResourceClaim] #39 @map(name) @merge(name) @retainKeys, resources: ResourceRequirements #40?, restartPolicy: string #3, runtimeClassName: string #29?, schedulerName: string #19, schedulingGates: [PodSchedulingGate] #38 @map(name) @merge(name), securityContext: PodSecurityContext #14?, serviceAccount: string #9, serviceAccountName: string #8, setHostnameAsFQDN: bool #35?, shareProcessNamespace: bool #27?, subdomain: string #17, terminationGracePeriodSeconds: int64 #4?, tolerations: [Toleration] #22 @atomic, topologySpreadConstraints: [TopologySpreadConstraint] #33 @map(topologyKey whenUnsatisfiable) @merge(topologyKey), volumes: [Volume] #1 @map(name) @merge(name) @retainKeys }
PodStatus { conditions: [PodCondition] #2 @map(type) @merge(type), containerStatuses: [ContainerStatus] #8 @atomic, ephemeralContainerStatuses: [ContainerStatus] #13 @atomic, extendedResourceClaimStatus: PodExtendedResourceClaimStatus #18?, hostIP: string #5, hostIPs: [HostIP] #16 @atomic @merge(ip), initContainerStatuses: [ContainerStatus] #10 @atomic, message: string #3, nominatedNodeName: string #11, observedGeneration: int64 #17, phase: string #1, podIP: string #6, podIPs: [PodIP] #12 @map(ip) @merge(ip), qosClass: string #9, reason: string #4, resize: string #14, resourceClaimStatuses: [PodResourceClaimStatus] #15 @map(name) @merge(name) @retainKeys, startTime: time #7? }
PodTemplateSpec { metadata: meta/ObjectMeta #1, spec: PodSpec #2 }
PortStatus { error: string #3?, port!: int32 #1, protocol!: string #2 }
PortworxVolumeSource { fsType: string #2, readOnly: bool #3, volumeID!: string #1 }
PreferredSchedulingTerm { preference!: NodeSelectorTerm #2, weight!: int32 #1 }
Probe { exec: ExecAction #1.1?, failureThreshold: int32 #6, grpc: GRPCAction #1.4?, httpGet: HTTPGetAction #1.2?, initialDelaySeconds: int32 #2, periodSeconds: int32 #4, successThreshold: int32 #5, tcpSocket: TCPSocketAction #1.3?, terminationGracePeriodSeconds: int64 #7?, timeoutSeconds: int32 #3 }
ProjectedVolumeSource { defaultMode: int32 #2?, sources: [VolumeProjection] #1 @atomic }
QuobyteVolumeSource { group: string #5, readOnly: bool #3, registry!: string #1, tenant: string #6, user: string #4, volume!: string #2 }
RBDVolumeSource { fsType: string #3, image!: string #2, keyring: string #6 @default("/etc/ceph/keyring"), monitors!: [string] #1 @atomic, pool: string #4 @default("rbd"), readOnly: bool #8, secretRef: LocalObjectReference #7?, user: string #5 @default("admin") }
ResourceClaim { name!: string #1, request: string #2 }
ResourceFieldSelector @atomic { containerName: string #1, divisor: quantity #3, resource!: string #2 }
ResourceHealth { health: string #2, resourceID!: string #1 }
ResourceRequirements { claims: [ResourceClaim] #3 @map(name), limits: {quantity} #1, requests: {quantity} #2 }
ResourceStatus { name!: string #1, resources: [ResourceHealth] #2 @map(resourceID) }
SELinuxOptions { level: string #4, role: string #2, type: string #3, user: string #1 }
ScaleIOVolumeSource { fsType: string #9 @default("xfs"), gateway!: string #1, protectionDomain: string #5, readOnly: bool #10, secretRef!: LocalObjectReference #3?, sslEnabled: bool #4, storageMode: string #7 @default("ThinProvisioned"), storagePool: string #6, system!: string #2, volumeName: string #8 }
SeccompProfile { localhostProfile: string #2?, type!: string #1 }
Secret { apiVersion: string, data: {bytes} #2, immutable: bool #5?, kind: string, metadata: meta/ObjectMeta #1, stringData: {string} #4, type: string #3 }
SecretEnvSource { name: string #1.1, optional: bool #2? }
SecretKeySelector @atomic { key!: string #2, name: string #1.1, optional: bool #3? }
SecretProjection { items: [KeyToPath] #2 @atomic, name: string #1.1, optional: bool #4? }
SecretVolumeSource { defaultMode: int32 #3?, items: [KeyToPath] #2 @atomic, optional: bool #4?, secretName: string #1 }
SecurityContext { allowPrivilegeEscalation: bool #7?, appArmorProfile: AppArmorProfile #12?, capabilities: Capabilities #1?, privileged: bool #2?, procMount: string #9?, readOnlyRootFilesystem: bool #6?, runAsGroup: int64 #8?, runAsNonRoot: bool #5?, runAsUser: int64 #4?, seLinuxOptions: SELinuxOptions #3?, seccompProfile: SeccompProfile #11?, windowsOptions: WindowsSecurityContextOptions #10? }
Service { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: ServiceSpec #2, status: ServiceStatus #3 }
ServiceAccount { apiVersion: string, automountServiceAccountToken: bool #4?, imagePullSecrets: [LocalObjectReference] #3 @atomic, kind: string, metadata: meta/ObjectMeta #1, secrets: [ObjectReference] #2 @map(name) @merge(name) }
ServiceAccountTokenProjection { audience: string #1, expirationSeconds: int64 #2?, path!: string #3 }
ServicePort { appProtocol: string #6?, name: string #1, nodePort: int32 #5, port!: int32 #3, protocol: string #2 @default("TCP"), targetPort: intOrString #4 }
ServiceSpec { allocateLoadBalancerNodePorts: bool #20?, clusterIP: string #3, clusterIPs: [string] #18 @atomic, externalIPs: [string] #5 @atomic, externalName: string #10, externalTrafficPolicy: string #11, healthCheckNodePort: int32 #12, internalTrafficPolicy: string #22?, ipFamilies: [string] #19 @atomic, ipFamilyPolicy: string #17?, loadBalancerClass: string #21?, loadBalancerIP: string #8, loadBalancerSourceRanges: [string] #9 @atomic, ports: [ServicePort] #1 @map(port protocol) @merge(port), publishNotReadyAddresses: bool #13, selector: {string} #2 @atomic, sessionAffinity: string #7, sessionAffinityConfig: SessionAffinityConfig #14?, trafficDistribution: string #23?, type: string #4 }
ServiceStatus { conditions: [meta/Condition] #2 @map(type) @merge(type), loadBalancer: LoadBalancerStatus #1 }
SessionAffinityConfig { clientIP: ClientIPConfig #1? }
SleepAction { seconds!: int64 #1 }
StorageOSVolumeSource { fsType: string #3, readOnly: bool #4, secretRef: LocalObjectReference #5?, volumeName: string #1, volumeNamespace: string #2 }
Sysctl { name!: string #1, value!: string #2 }
TCPSocketAction { host: string #2, port!: intOrString #1 }
Taint { effect!: string #3, key!: string #1, timeAdded: time #4?, value: string #2 }
Toleration { effect: string #4, key: string #1, operator: string #2, tolerationSeconds: int64 #5?, value: string #3 }
TopologySpreadConstraint { labelSelector: meta/LabelSelector #4?, matchLabelKeys: [string] #8 @atomic, maxSkew!: int32 #1, minDomains: int32 #5?, nodeAffinityPolicy: string #6?, nodeTaintsPolicy: string #7?, topologyKey!: string #2, whenUnsatisfiable!: string #3 }
TypedLocalObjectReference @atomic { apiGroup: string #1?, kind!: string #2, name!: string #3 }
TypedObjectReference { apiGroup: string #1?, kind!: string #2, name!: string #3, namespace: string #4? }
Volume { awsElasticBlockStore: AWSElasticBlockStoreVolumeSource #2.4?, azureDisk: AzureDiskVolumeSource #2.22?, azureFile: AzureFileVolumeSource #2.18?, cephfs: CephFSVolumeSource #2.14?, cinder: CinderVolumeSource #2.13?, configMap: ConfigMapVolumeSource #2.19?, csi: CSIVolumeSource #2.28?, downwardAPI: DownwardAPIVolumeSource #2.16?, emptyDir: EmptyDirVolumeSource #2.2?, ephemeral: EphemeralVolumeSource #2.29?, fc: FCVolumeSource #2.17?, flexVolume: FlexVolumeSource #2.12?, flocker: FlockerVolumeSource #2.15?, gcePersistentDisk: GCEPersistentDiskVolumeSource #2.3?, gitRepo: GitRepoVolumeSource #2.5?, glusterfs: GlusterfsVolumeSource #2.9?, hostPath: HostPathVolumeSource #2.1?, image: ImageVolumeSource #2.30?, iscsi: ISCSIVolumeSource #2.8?, name!: string #1, nfs: NFSVolumeSource #2.7?, persistentVolumeClaim: PersistentVolumeClaimVolumeSource #2.10?, photonPersistentDisk: PhotonPersistentDiskVolumeSource #2.23?, portworxVolume: PortworxVolumeSource #2.24?, projected: ProjectedVolumeSource #2.26?, quobyte: QuobyteVolumeSource #2.21?, rbd: RBDVolumeSource #2.11?, scaleIO: ScaleIOVolumeSource #2.25?, secret: SecretVolumeSource #2.6?, storageos: StorageOSVolumeSource #2.27?, vsphereVolume: VsphereVirtualDiskVolumeSource #2.20? }
VolumeDevice { devicePath!: string #2, name!: string #1 }
VolumeMount { mountPath!: string #3, mountPropagation: string #5?, name!: string #1, readOnly: bool #2, recursiveReadOnly: string #7?, subPath: string #4, subPathExpr: string #6 }
VolumeMountStatus { mountPath!: string #2, name!: string #1, readOnly: bool #3, recursiveReadOnly: string #4? }
VolumeProjection { clusterTrustBundle: ClusterTrustBundleProjection #5?, configMap: ConfigMapProjection #3?, downwardAPI: DownwardAPIProjection #2?, podCertificate: PodCertificateProjection #6?, secret: SecretProjection #1?, serviceAccountToken: ServiceAccountTokenProjection #4? }
VolumeResourceRequirements { limits: {quantity} #1, requests: {quantity} #2 }
VsphereVirtualDiskVolumeSource { fsType: string #2, storagePolicyID: string #4, storagePolicyName: string #3, volumePath!: string #1 }
WeightedPodAffinityTerm { podAffinityTerm!: PodAffinityTerm #2, weight!: int32 #1 }
WindowsSecurityContextOptions { gmsaCredentialSpec: string #2?, gmsaCredentialSpecName: string #1?, hostProcess: bool #4?, runAsUserName: string #3? }
`
