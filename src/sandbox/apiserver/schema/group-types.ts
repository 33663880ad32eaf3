/** The types of the other API groups that the sandbox serves, of Kubernetes 1.34, in the notation of `notation.ts`. */
export const groupTypes = `
# apps io.k8s.api.apps.v1
Deployment { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: DeploymentSpec #2, status: DeploymentStatus #3 }
DeploymentCondition { lastTransitionTime: time #7, lastUpdateTime: time #6, message: string #5, reason: string #4, status!: string #2, type!: string #1 }
DeploymentSpec { minReadySeconds: int32 #5, paused: bool #7, progressDeadlineSeconds: int32 #9?, replicas: int32 #1?, revisionHistoryLimit: int32 #6?, selector!: meta/LabelSelector #2?, strategy: DeploymentStrategy #4 @retainKeys, template!: core/PodTemplateSpec #3 }
DeploymentStatus { availableReplicas: int32 #4, collisionCount: int32 #8?, conditions: [DeploymentCondition] #6 @map(type) @merge(type), observedGeneration: int64 #1, readyReplicas: int32 #7, replicas: int32 #2, terminatingReplicas: int32 #9?, unavailableReplicas: int32 #5, updatedReplicas: int32 #3 }
DeploymentStrategy { rollingUpdate: RollingUpdateDeployment #2?, type: string #1 }
ReplicaSet { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: ReplicaSetSpec #2, status: ReplicaSetStatus #3 }
ReplicaSetCondition { lastTransitionTime: time #3, message: string #5, reason: string #4, status!: string #2, type!: string #1 }
ReplicaSetSpec { minReadySeconds: int32 #4, replicas: int32 #1?, selector!: meta/LabelSelector #2?, template: core/PodTemplateSpec #3 }
ReplicaSetStatus { availableReplicas: int32 #5, conditions: [ReplicaSetCondition] #6 @map(type) @merge(type), fullyLabeledReplicas: int32 #2, observedGeneration: int64 #3, readyReplicas: int32 #4, replicas!: int32 #1, terminatingReplicas: int32 #7? }
RollingUpdateDeployment { maxSurge: intOrString #2?, maxUnavailable: intOrString #1? }
# discovery io.k8s.api.discovery.v1
Endpoint { addresses!: [string] #1 @set, conditions: EndpointConditions #2, deprecatedTopology: {string} #5, hints: EndpointHints #8?, hostname: string #3?, nodeName: string #6?, targetRef: core/ObjectReference #4?, zone: string #7? }
EndpointConditions { ready: bool #1?, serving: bool #2?, terminating: bool #3? }
EndpointHints { forNodes: [ForNode] #2 @atomic, forZones: [ForZone] #1 @atomic }
EndpointPort @atomic { appProtocol: string #4?, name: string #1?, port: int32 #3?, protocol: string #2? }
EndpointSlice { addressType!: string #4, apiVersion: string, endpoints!: [Endpoint] #2 @atomic, kind: string, metadata: meta/ObjectMeta #1, ports: [EndpointPort] #3 @atomic }
ForNode { name!: string #1 }
ForZone { name!: string #1 }
# coordination io.k8s.api.coordination.v1
Lease { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: LeaseSpec #2 }
LeaseSpec { acquireTime: microTime #3?, holderIdentity: string #1?, leaseDurationSeconds: int32 #2?, leaseTransitions: int32 #5?, preferredHolder: string #7?, renewTime: microTime #4?, strategy: string #6? }
# apiextensions io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1
CustomResourceColumnDefinition { description: string #4, format: string #3, jsonPath!: string #6, name!: string #1, priority: int32 #5, type!: string #2 }
CustomResourceConversion { strategy!: string #1, webhook: WebhookConversion #2? }
CustomResourceDefinition { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec!: CustomResourceDefinitionSpec #2, status: CustomResourceDefinitionStatus #3 }
CustomResourceDefinitionCondition { lastTransitionTime: time #3, message: string #5, reason: string #4, status!: string #2, type!: string #1 }
CustomResourceDefinitionNames { categories: [string] #6 @atomic, kind!: string #4, listKind: string #5, plural!: string #1, shortNames: [string] #3 @atomic, singular: string #2 }
CustomResourceDefinitionSpec { conversion: CustomResourceConversion #9?, group!: string #1, names!: CustomResourceDefinitionNames #3, preserveUnknownFields: bool #10, scope!: string #4, versions!: [CustomResourceDefinitionVersion] #7 @atomic }
CustomResourceDefinitionStatus { acceptedNames: CustomResourceDefinitionNames #2, conditions: [CustomResourceDefinitionCondition] #1 @map(type), storedVersions: [string] #3 @atomic }
CustomResourceDefinitionVersion { additionalPrinterColumns: [CustomResourceColumnDefinition] #6 @atomic, deprecated: bool #7, deprecationWarning: string #8?, name!: string #1, schema: CustomResourceValidation #4?, selectableFields: [SelectableField] #9 @atomic, served!: bool #2, storage!: bool #3, subresources: CustomResourceSubresources #5? }
CustomResourceSubresourceScale { labelSelectorPath: string #3?, specReplicasPath!: string #1, statusReplicasPath!: string #2 }
CustomResourceSubresourceStatus {  }
CustomResourceSubresources { scale: CustomResourceSubresourceScale #2?, status: CustomResourceSubresourceStatus #1? }
CustomResourceValidation { openAPIV3Schema: JSONSchemaProps #1? }
ExternalDocumentation { description: string #1, url: string #2 }
JSONSchemaProps { $ref: string, $schema: string, additionalItems: any #33?, additionalProperties: any #30?, allOf: [JSONSchemaProps] #25 @atomic, anyOf: [JSONSchemaProps] #27 @atomic, default: any #8?, definitions: {JSONSchemaProps} #34, dependencies: {any} #32, description: string #4, enum: [any] #20 @atomic, example: any #36?, exclusiveMaximum: bool #10, exclusiveMinimum: bool #12, externalDocs: ExternalDocumentation #35?, format: string #6, id: string #1, items: any #24?, maxItems: int64 #16?, maxLength: int64 #13?, maxProperties: int64 #21?, maximum: double #9?, minItems: int64 #17?, minLength: int64 #14?, minProperties: int64 #22?, minimum: double #11?, multipleOf: double #19?, not: JSONSchemaProps #28?, nullable: bool #37, oneOf: [JSONSchemaProps] #26 @atomic, pattern: string #15, patternProperties: {JSONSchemaProps} #31, properties: {JSONSchemaProps} #29, required: [string] #23 @atomic, title: string #7, type: string #5, uniqueItems: bool #18, x-kubernetes-embedded-resource: bool, x-kubernetes-int-or-string: bool, x-kubernetes-list-map-keys: [string] @atomic, x-kubernetes-list-type: string, x-kubernetes-map-type: string, x-kubernetes-preserve-unknown-fields: bool, x-kubernetes-validations: [ValidationRule] @map(rule) @merge(rule) }
SelectableField { jsonPath!: string #1 }
ServiceReference { name!: string #2, namespace!: string #1, path: string #3?, port: int32 #4? }
ValidationRule { fieldPath: string #5, message: string #2, messageExpression: string #3, optionalOldSelf: bool #6?, reason: string #4?, rule!: string #1 }
WebhookClientConfig { caBundle: bytes #2, service: ServiceReference #1?, url: string #3? }
WebhookConversion { clientConfig: WebhookClientConfig #2?, conversionReviewVersions!: [string] #3 @atomic }
# admissionregistration io.k8s.api.admissionregistration.v1
MatchCondition { expression!: string #2, name!: string #1 }
MutatingWebhook { admissionReviewVersions!: [string] #8 @atomic, clientConfig!: WebhookClientConfig #2, failurePolicy: string #4?, matchConditions: [MatchCondition] #12 @map(name) @merge(name), matchPolicy: string #9?, name!: string #1, namespaceSelector: meta/LabelSelector #5?, objectSelector: meta/LabelSelector #11?, reinvocationPolicy: string #10?, rules: [RuleWithOperations] #3 @atomic, sideEffects!: string #6?, timeoutSeconds: int32 #7? }
MutatingWebhookConfiguration { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, webhooks: [MutatingWebhook] @map(name) @merge(name) }
RuleWithOperations { apiGroups: [string] #2.1 @atomic, apiVersions: [string] #2.2 @atomic, operations: [string] #1 @atomic, resources: [string] #2.3 @atomic, scope: string #2.4? }
ServiceReference { name!: string #2, namespace!: string #1, path: string #3?, port: int32 #4? }
ValidatingWebhook { admissionReviewVersions!: [string] #8 @atomic, clientConfig!: WebhookClientConfig #2, failurePolicy: string #4?, matchConditions: [MatchCondition] #11 @map(name) @merge(name), matchPolicy: string #9?, name!: string #1, namespaceSelector: meta/LabelSelector #5?, objectSelector: meta/LabelSelector #10?, rules: [RuleWithOperations] #3 @atomic, sideEffects!: string #6?, timeoutSeconds: int32 #7? }
ValidatingWebhookConfiguration { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, webhooks: [ValidatingWebhook] @map(name) @merge(name) }
WebhookClientConfig { caBundle: bytes #2, service: ServiceReference #1?, url: string #3? }
# authentication io.k8s.api.authentication.v1
BoundObjectReference { apiVersion: string #2, kind: string #1, name: string #3, uid: string }
TokenRequest { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec!: TokenRequestSpec #2, status: TokenRequestStatus #3 }
TokenRequestSpec { audiences!: [string] #1 @atomic, boundObjectRef: BoundObjectReference #3?, expirationSeconds: int64 #4? }
TokenRequestStatus { expirationTimestamp!: time #2, token!: string #1 }
TokenReview { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec!: TokenReviewSpec #2, status: TokenReviewStatus #3 }
TokenReviewSpec { audiences: [string] #2 @atomic, token: string #1 }
TokenReviewStatus { audiences: [string] #4 @atomic, authenticated: bool #1, error: string #3, user: UserInfo #2 }
UserInfo { extra: {[string]} #4, groups: [string] #3 @atomic, uid: string #2, username: string #1 }
# authorization io.k8s.api.authorization.v1
FieldSelectorAttributes { rawSelector: string #1, requirements: [meta/FieldSelectorRequirement] #2 @atomic }
LabelSelectorAttributes { rawSelector: string #1, requirements: [meta/LabelSelectorRequirement] #2 @atomic }
LocalSubjectAccessReview { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec!: SubjectAccessReviewSpec #2, status: SubjectAccessReviewStatus #3 }
NonResourceAttributes { path: string #1, verb: string #2 }
NonResourceRule { nonResourceURLs: [string] #2 @atomic, verbs!: [string] #1 @atomic }
ResourceAttributes { fieldSelector: FieldSelectorAttributes #8?, group: string #3, labelSelector: LabelSelectorAttributes #9?, name: string #7, namespace: string #1, resource: string #5, subresource: string #6, verb: string #2, version: string #4 }
ResourceRule { apiGroups: [string] #2 @atomic, resourceNames: [string] #4 @atomic, resources: [string] #3 @atomic, verbs!: [string] #1 @atomic }
SelfSubjectAccessReview { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec!: SelfSubjectAccessReviewSpec #2, status: SubjectAccessReviewStatus #3 }
SelfSubjectAccessReviewSpec { nonResourceAttributes: NonResourceAttributes #2?, resourceAttributes: ResourceAttributes #1? }
SelfSubjectRulesReview { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec!: SelfSubjectRulesReviewSpec #2, status: SubjectRulesReviewStatus #3 }
SelfSubjectRulesReviewSpec { namespace: string #1 }
SubjectAccessReview { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec!: SubjectAccessReviewSpec #2, status: SubjectAccessReviewStatus #3 }
SubjectAccessReviewSpec { extra: {[string]} #5, groups: [string] #4 @atomic, nonResourceAttributes: NonResourceAttributes #2?, resourceAttributes: ResourceAttributes #1?, uid: string #6, user: string #3 }
SubjectAccessReviewStatus { allowed!: bool #1, denied: bool #4, evaluationError: string #3, reason: string #2 }
SubjectRulesReviewStatus { evaluationError: string #4, incomplete!: bool #3, nonResourceRules!: [NonResourceRule] #2 @atomic, resourceRules!: [ResourceRule] #1 @atomic }
# rbac io.k8s.api.rbac.v1
AggregationRule { clusterRoleSelectors: [meta/LabelSelector] #1 @atomic }
ClusterRole { aggregationRule: AggregationRule #3?, apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, rules: [PolicyRule] #2 @atomic }
ClusterRoleBinding { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, roleRef!: RoleRef #3, subjects: [Subject] #2 @atomic }
PolicyRule { apiGroups: [string] #2 @atomic, nonResourceURLs: [string] #5 @atomic, resourceNames: [string] #4 @atomic, resources: [string] #3 @atomic, verbs!: [string] #1 @atomic }
Role { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, rules: [PolicyRule] #2 @atomic }
RoleBinding { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, roleRef!: RoleRef #3, subjects: [Subject] #2 @atomic }
RoleRef @atomic { apiGroup!: string #1, kind!: string #2, name!: string #3 }
Subject @atomic { apiGroup: string #2, kind!: string #1, name!: string #3, namespace: string #4 }
# autoscaling io.k8s.api.autoscaling.v2
ContainerResourceMetricSource { container!: string #3, name!: string #1, target!: MetricTarget #2 }
ContainerResourceMetricStatus { container!: string #3, current!: MetricValueStatus #2, name!: string #1 }
CrossVersionObjectReference { apiVersion: string #3, kind!: string #1, name!: string #2 }
ExternalMetricSource { metric!: MetricIdentifier #1, target!: MetricTarget #2 }
ExternalMetricStatus { current!: MetricValueStatus #2, metric!: MetricIdentifier #1 }
HPAScalingPolicy { periodSeconds!: int32 #3, type!: string #1, value!: int32 #2 }
HPAScalingRules { policies: [HPAScalingPolicy] #2 @atomic, selectPolicy: string #1?, stabilizationWindowSeconds: int32 #3?, tolerance: quantity #4? }
HorizontalPodAutoscaler { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: HorizontalPodAutoscalerSpec #2, status: HorizontalPodAutoscalerStatus #3 }
HorizontalPodAutoscalerBehavior { scaleDown: HPAScalingRules #2?, scaleUp: HPAScalingRules #1? }
HorizontalPodAutoscalerCondition { lastTransitionTime: time #3, message: string #5, reason: string #4, status!: string #2, type!: string #1 }
HorizontalPodAutoscalerSpec { behavior: HorizontalPodAutoscalerBehavior #5?, maxReplicas!: int32 #3, metrics: [MetricSpec] #4 @atomic, minReplicas: int32 #2?, scaleTargetRef!: CrossVersionObjectReference #1 }
HorizontalPodAutoscalerStatus { conditions: [HorizontalPodAutoscalerCondition] #6 @map(type) @merge(type), currentMetrics: [MetricStatus] #5 @atomic, currentReplicas: int32 #3, desiredReplicas!: int32 #4, lastScaleTime: time #2?, observedGeneration: int64 #1? }
MetricIdentifier { name!: string #1, selector: meta/LabelSelector #2? }
MetricSpec { containerResource: ContainerResourceMetricSource #7?, external: ExternalMetricSource #5?, object: ObjectMetricSource #2?, pods: PodsMetricSource #3?, resource: ResourceMetricSource #4?, type!: string #1 }
MetricStatus { containerResource: ContainerResourceMetricStatus #7?, external: ExternalMetricStatus #5?, object: ObjectMetricStatus #2?, pods: PodsMetricStatus #3?, resource: ResourceMetricStatus #4?, type!: string #1 }
MetricTarget { averageUtilization: int32 #4?, averageValue: quantity #3?, type!: string #1, value: quantity #2? }
MetricValueStatus { averageUtilization: int32 #3?, averageValue: quantity #2?, value: quantity #1? }
ObjectMetricSource { describedObject!: CrossVersionObjectReference #1, metric!: MetricIdentifier #3, target!: MetricTarget #2 }
ObjectMetricStatus { current!: MetricValueStatus #2, describedObject!: CrossVersionObjectReference #3, metric!: MetricIdentifier #1 }
PodsMetricSource { metric!: MetricIdentifier #1, target!: MetricTarget #2 }
PodsMetricStatus { current!: MetricValueStatus #2, metric!: MetricIdentifier #1 }
ResourceMetricSource { name!: string #1, target!: MetricTarget #2 }
ResourceMetricStatus { current!: MetricValueStatus #2, name!: string #1 }
# autoscalingv1 io.k8s.api.autoscaling.v1
Scale { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: ScaleSpec #2, status: ScaleStatus #3 }
ScaleSpec { replicas: int32 #1 }
ScaleStatus { replicas!: int32 #1, selector: string #2 }
# policy io.k8s.api.policy.v1
Eviction { apiVersion: string, deleteOptions: meta/DeleteOptions #2?, kind: string, metadata: meta/ObjectMeta #1 }
PodDisruptionBudget { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: PodDisruptionBudgetSpec #2, status: PodDisruptionBudgetStatus #3 }
PodDisruptionBudgetSpec { maxUnavailable: intOrString #3?, minAvailable: intOrString #1?, selector: meta/LabelSelector #2?, unhealthyPodEvictionPolicy: string #4? }
PodDisruptionBudgetStatus { conditions: [meta/Condition] #7 @map(type) @merge(type), currentHealthy!: int32 #4, desiredHealthy!: int32 #5, disruptedPods: {time} #2, disruptionsAllowed!: int32 #3, expectedPods!: int32 #6, observedGeneration: int64 #1 }
# networking io.k8s.api.networking.v1
HTTPIngressPath { backend!: IngressBackend #2, path: string #1, pathType!: string #3? }
HTTPIngressRuleValue { paths!: [HTTPIngressPath] #1 @atomic }
IPBlock { cidr!: string #1, except: [string] #2 @atomic }
Ingress { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: IngressSpec #2, status: IngressStatus #3 }
IngressBackend { resource: core/TypedLocalObjectReference #3?, service: IngressServiceBackend #4? }
IngressLoadBalancerIngress { hostname: string #2, ip: string #1, ports: [IngressPortStatus] #4 @atomic }
IngressLoadBalancerStatus { ingress: [IngressLoadBalancerIngress] #1 @atomic }
IngressPortStatus { error: string #3?, port!: int32 #1, protocol!: string #2 }
IngressRule { host: string #1, http: HTTPIngressRuleValue #2.1? }
IngressServiceBackend { name!: string #1, port: ServiceBackendPort #2 }
IngressSpec { defaultBackend: IngressBackend #1?, ingressClassName: string #4?, rules: [IngressRule] #3 @atomic, tls: [IngressTLS] #2 @atomic }
IngressStatus { loadBalancer: IngressLoadBalancerStatus #1 }
IngressTLS { hosts: [string] #1 @atomic, secretName: string #2 }
NetworkPolicy { apiVersion: string, kind: string, metadata: meta/ObjectMeta #1, spec: NetworkPolicySpec #2 }
NetworkPolicyEgressRule { ports: [NetworkPolicyPort] #1 @atomic, to: [NetworkPolicyPeer] #2 @atomic }
NetworkPolicyIngressRule { from: [NetworkPolicyPeer] #2 @atomic, ports: [NetworkPolicyPort] #1 @atomic }
NetworkPolicyPeer { ipBlock: IPBlock #3?, namespaceSelector: meta/LabelSelector #2?, podSelector: meta/LabelSelector #1? }
NetworkPolicyPort { endPort: int32 #3?, port: intOrString #2?, protocol: string #1? }
NetworkPolicySpec { egress: [NetworkPolicyEgressRule] #3 @atomic, ingress: [NetworkPolicyIngressRule] #2 @atomic, podSelector: meta/LabelSelector #1, policyTypes: [string] #4 @atomic }
ServiceBackendPort @atomic { name: string #1, number: int32 #2 }
# events io.k8s.api.events.v1
Event { action: string #6, apiVersion: string, deprecatedCount: int32 #15, deprecatedFirstTimestamp: time #13, deprecatedLastTimestamp: time #14, deprecatedSource: core/EventSource #12, eventTime!: microTime #2, kind: string, metadata: meta/ObjectMeta #1, note: string #10, reason: string #7, regarding: core/ObjectReference #8, related: core/ObjectReference #9?, reportingController: string #4, reportingInstance: string #5, series: EventSeries #3?, type: string #11 }
EventSeries { count!: int32 #1, lastObservedTime!: microTime #2 }
# meta io.k8s.apimachinery.pkg.apis.meta.v1
Condition { lastTransitionTime!: time #4, message!: string #6, observedGeneration: int64 #3, reason!: string #5, status!: string #2, type!: string #1 }
DeleteOptions { apiVersion: string, dryRun: [string] #5 @atomic, gracePeriodSeconds: int64 #1?, ignoreStoreReadErrorWithClusterBreakingPotential: bool #6?, kind: string, orphanDependents: bool #3?, preconditions: Preconditions #2?, propagationPolicy: string #4? }
FieldSelectorRequirement { key!: string #1, operator!: string #2, values: [string] #3 @atomic }
LabelSelector @atomic { matchExpressions: [LabelSelectorRequirement] #2 @atomic, matchLabels: {string} #1 }
LabelSelectorRequirement { key!: string #1, operator!: string #2, values: [string] #3 @atomic }
ListMeta { continue: string #3, remainingItemCount: int64 #4?, resourceVersion: string #2, selfLink: string #1 }
ManagedFieldsEntry { apiVersion: string #3, fieldsType: string #6, fieldsV1: any #7?, manager: string #1, operation: string #2, subresource: string #8, time: time #4? }
ObjectMeta { annotations: {string} #12, creationTimestamp: time #8, deletionGracePeriodSeconds: int64 #10?, deletionTimestamp: time #9?, finalizers: [string] #14 @set @merge(), generateName: string #2, generation: int64 #7, labels: {string} #11, managedFields: [ManagedFieldsEntry] #17 @atomic, name: string #1, namespace: string #3, ownerReferences: [OwnerReference] #13 @map(uid) @merge(uid), resourceVersion: string #6, selfLink: string #4, uid: string #5 }
OwnerReference @atomic { apiVersion!: string #5, blockOwnerDeletion: bool #7?, controller: bool #6?, kind!: string #1, name!: string #3, uid!: string #4 }
Preconditions { resourceVersion: string #2?, uid: string #1? }
Status { apiVersion: string, code: int32 #6, details: StatusDetails #5? @atomic, kind: string, message: string #3, metadata: ListMeta #1, reason: string #4, status: string #2 }
StatusCause { field: string #3, message: string #2, reason: string #1 }
StatusDetails { causes: [StatusCause] #4 @atomic, group: string #2, kind: string #3, name: string #1, retryAfterSeconds: int32 #5, uid: string #6 }
`
