{{- define "sluice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "sluice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "sluice.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sluice.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sluice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "sluice.labels" -}}
{{ include "sluice.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sluice.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sluice.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sluice.image" -}}
{{- with .Values.controller.image -}}
{{- $name := .image -}}
{{- if .registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .registry) .image }}{{ end -}}
{{- if .digest -}}
{{- printf "%s@%s" $name .digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sluice.electionID" -}}
{{- default (printf "%s-leader" (include "sluice.fullname" .)) .Values.controller.electionID -}}
{{- end -}}

{{/* The one namespace that is watched; empty: all, or those of the selector. */}}
{{- define "sluice.watchNamespace" -}}
{{- with .Values.controller.scope -}}
{{- if and .enabled (not .namespaceSelector) -}}
{{- default $.Release.Namespace .namespace -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" when the status of Ingresses is made of node addresses. */}}
{{- define "sluice.nodeStatus" -}}
{{- $args := .Values.controller.extraArgs -}}
{{- if and (not .Values.controller.publishService.enabled) (not (hasKey $args "publish-status-address")) (ne (toString (get $args "update-status")) "false") -}}
true
{{- end -}}
{{- end -}}

{{/* The rules for objects that live in a namespace: read-only but for status and Events. */}}
{{- define "sluice.namespacedRules" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [services, secrets, configmaps]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
{{- if ne (toString (get .Values.controller.extraArgs "update-status")) "false" }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [update]
{{- end }}
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/*
What the controller reads besides the one namespace it watches, as JSON: a list of objects, each with the name of its Role. It asks
for them by name, so that the permission can name them too; the EndpointSlices of a Service have names of their own.
*/}}
{{- define "sluice.outside" -}}
{{- $watched := include "sluice.watchNamespace" . -}}
{{- $fullname := include "sluice.fullname" . -}}
{{- $args := .Values.controller.extraArgs -}}
{{- $all := list (dict "role" "config" "kind" "configmaps" "path" (printf "%s/%s" .Release.Namespace $fullname)) -}}
{{- with .Values.controller.publishService -}}
{{- if .enabled -}}
{{- $all = append $all (dict "role" "published" "kind" "services" "path" (default (printf "%s/%s" $.Release.Namespace $fullname) .pathOverride)) -}}
{{- end -}}
{{- end -}}
{{- with get $args "default-backend-service" -}}
{{- $all = append $all (dict "role" "default-backend" "kind" "services" "path" .) -}}
{{- end -}}
{{- with get $args "default-ssl-certificate" -}}
{{- $all = append $all (dict "role" "default-certificate" "kind" "secrets" "path" .) -}}
{{- end -}}
{{- range $protocol := list "tcp" "udp" -}}
{{- if index $.Values $protocol -}}
{{- $all = append $all (dict "role" $protocol "kind" "configmaps" "path" (printf "%s/%s" $.Release.Namespace (include "sluice.streamConfigMap" (dict "root" $ "protocol" $protocol)))) -}}
{{- end -}}
{{- end -}}
{{- $config := include "sluice.config" . | fromJson -}}
{{- range $key := list "add-headers" "proxy-set-headers" -}}
{{- with get $config $key -}}
{{- $all = append $all (dict "role" $key "kind" "configmaps" "path" .) -}}
{{- end -}}
{{- end -}}
{{- $found := list -}}
{{- range $all -}}
{{- $parts := splitList "/" .path -}}
{{- if ne (len $parts) 2 -}}
{{- fail (printf "controller: %q is not of the form namespace/name" .path) -}}
{{- end -}}
{{- if and $watched (ne (first $parts) $watched) -}}
{{- $found = append $found (dict "role" (printf "%s-%s" $fullname .role | trunc 63 | trimSuffix "-") "kind" .kind "namespace" (first $parts) "name" (last $parts)) -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* The ConfigMap of the TCP or UDP services, of a dict with "root" and "protocol". */}}
{{- define "sluice.streamConfigMap" -}}
{{- printf "%s-%s" (include "sluice.fullname" .root | trunc 59 | trimSuffix "-") .protocol -}}
{{- end -}}

{{/* The ConfigMap of header fields, of a dict with "root" and "suffix". */}}
{{- define "sluice.headerConfigMap" -}}
{{- printf "%s-%s" (include "sluice.fullname" .root | trunc 42 | trimSuffix "-") .suffix -}}
{{- end -}}

{{/* The keys of the ConfigMap with their values as texts, as JSON: those of controller.config, and those that other values stand for. */}}
{{- define "sluice.config" -}}
{{- $c := .Values.controller -}}
{{- $config := dict -}}
{{- if $c.allowSnippetAnnotations -}}
{{- $_ := set $config "allow-snippet-annotations" "true" -}}
{{- end -}}
{{- if $c.addHeaders -}}
{{- $_ := set $config "add-headers" (printf "%s/%s" .Release.Namespace (include "sluice.headerConfigMap" (dict "root" . "suffix" "custom-add-headers"))) -}}
{{- end -}}
{{- if $c.proxySetHeaders -}}
{{- $_ := set $config "proxy-set-headers" (printf "%s/%s" .Release.Namespace (include "sluice.headerConfigMap" (dict "root" . "suffix" "custom-proxy-headers"))) -}}
{{- end -}}
{{- range $key, $value := $c.config -}}
{{- $_ := set $config $key (toString $value) -}}
{{- end -}}
{{- toJson $config -}}
{{- end -}}

{{/* Values that contradict each other. */}}
{{- define "sluice.validate" -}}
{{- $c := .Values.controller -}}
{{- $own := list "configmap" "tcp-services-configmap" "udp-services-configmap" "controller-class" "election-id" "healthz-port" "http-port" "https-port" "ingress-class" "ingress-class-by-name" "public-http-port" "public-https-port" "publish-service" "shutdown-grace-period" "enable-metrics" "watch-ingress-without-class" "watch-namespace" "watch-namespace-selector" "workers" -}}
{{- range $name, $value := $c.extraArgs -}}
{{- if has $name $own -}}
{{- fail (printf "controller.extraArgs.%s: the chart sets this flag from a value of its own" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $c.publishService.enabled (hasKey $c.extraArgs "publish-status-address") -}}
{{- fail "controller.publishService.enabled and controller.extraArgs.publish-status-address exclude each other" -}}
{{- end -}}
{{- if and $c.publishService.enabled (not $c.service.enabled) (not $c.publishService.pathOverride) -}}
{{- fail "controller.publishService.enabled needs controller.service.enabled, or the name of another Service in controller.publishService.pathOverride" -}}
{{- end -}}
{{- if and $c.scope.namespace $c.scope.namespaceSelector -}}
{{- fail "controller.scope.namespace and controller.scope.namespaceSelector exclude each other" -}}
{{- end -}}
{{- if and (not $c.scope.enabled) (or $c.scope.namespace $c.scope.namespaceSelector) -}}
{{- fail "controller.scope.namespace and namespaceSelector need controller.scope.enabled" -}}
{{- end -}}
{{- if eq (int $c.containerPort.http) (int $c.containerPort.https) -}}
{{- fail "controller.containerPort.http and https must differ" -}}
{{- end -}}
{{- range $protocol := list "tcp" "udp" -}}
{{- range $port, $service := index $.Values $protocol -}}
{{- if or (not (regexMatch "^[1-9][0-9]{0,4}$" $port)) (gt (atoi $port) 65535) -}}
{{- fail (printf "%s.%s: not a port from 1 to 65535" $protocol $port) -}}
{{- end -}}
{{- if has (atoi $port) (list (int $c.containerPort.http) (int $c.containerPort.https) (int $c.service.ports.http) (int $c.service.ports.https) 10254) -}}
{{- fail (printf "%s.%s: the controller has this port already" $protocol $port) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $c.service.loadBalancerClass (ne $c.service.type "LoadBalancer") -}}
{{- fail "controller.service.loadBalancerClass needs controller.service.type LoadBalancer" -}}
{{- end -}}
{{- if and $c.service.loadBalancerSourceRanges (ne $c.service.type "LoadBalancer") -}}
{{- fail "controller.service.loadBalancerSourceRanges needs controller.service.type LoadBalancer" -}}
{{- end -}}
{{- if and (gt (int $c.replicaCount) 1) (ge (int $c.minAvailable) (int $c.replicaCount)) -}}
{{- fail "controller.minAvailable must be less than controller.replicaCount, or no node could ever be drained" -}}
{{- end -}}
{{- with (default dict $c.lifecycle).preStop -}}
{{- $handlers := list -}}
{{- range $name, $handler := . -}}
{{- if $handler }}{{ $handlers = append $handlers $name }}{{ end -}}
{{- end -}}
{{- if gt (len $handlers) 1 -}}
{{- fail (printf "controller.lifecycle.preStop can do one thing, not both of %s; set the default, sleep, to null to do without it" (join " and " $handlers)) -}}
{{- end -}}
{{- end -}}
{{- $drain := include "sluice.drainMilliseconds" . | int64 -}}
{{- $sum := add (mul 1000 (include "sluice.preStopSeconds" . | int64)) (mul 1000 (int64 $c.shutdownGracePeriod)) $drain -}}
{{- if le (mul 1000 (int64 $c.terminationGracePeriodSeconds)) $sum -}}
{{- fail (printf "controller.terminationGracePeriodSeconds (%d) must be more than lifecycle.preStop.sleep.seconds, shutdownGracePeriod and config.worker-shutdown-timeout together (%d), or Pods are killed with requests in flight" (int64 $c.terminationGracePeriodSeconds) (div (add $sum 999) 1000)) -}}
{{- end -}}
{{- end -}}

{{/* How long the preStop hook sleeps; 0 for other hooks, whose time the chart cannot know. */}}
{{- define "sluice.preStopSeconds" -}}
{{- $preStop := default dict (default dict .Values.controller.lifecycle).preStop -}}
{{- $sleep := default dict (get $preStop "sleep") -}}
{{- default 0 (get $sleep "seconds") | int64 -}}
{{- end -}}

{{/* "true" where Kubernetes knows the action "sleep": on by default since 1.30. */}}
{{- define "sluice.sleepAction" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}
true
{{- end -}}
{{- end -}}

{{/* What of controller.lifecycle this Kubernetes understands. */}}
{{- define "sluice.lifecycle" -}}
{{- $result := dict -}}
{{- range $event, $hook := default dict .Values.controller.lifecycle -}}
{{- $known := dict -}}
{{- range $name, $handler := default dict $hook -}}
{{- if and $handler (or (ne $name "sleep") (include "sluice.sleepAction" $)) -}}
{{- $_ := set $known $name $handler -}}
{{- end -}}
{{- end -}}
{{- if $known }}{{ $_ := set $result $event $known }}{{ end -}}
{{- end -}}
{{- if $result }}{{ toYaml $result }}{{ end -}}
{{- end -}}

{{/* --shutdown-grace-period: where the kubelet cannot sleep before SIGTERM, the controller serves on for as much longer after it. */}}
{{- define "sluice.gracePeriod" -}}
{{- if include "sluice.sleepAction" . -}}
{{- int64 .Values.controller.shutdownGracePeriod -}}
{{- else -}}
{{- add (int64 .Values.controller.shutdownGracePeriod) (include "sluice.preStopSeconds" . | int64) -}}
{{- end -}}
{{- end -}}

{{/* The ConfigMap's worker-shutdown-timeout, a time of nginx: seconds, or numbers with units. */}}
{{- define "sluice.drainMilliseconds" -}}
{{- $text := get .Values.controller.config "worker-shutdown-timeout" | toString | trim -}}
{{- if not (hasKey .Values.controller.config "worker-shutdown-timeout") }}{{ $text = "240s" }}{{ end -}}
{{- $units := dict "ms" 1 "s" 1000 "" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 "M" 2592000000 "y" 31536000000 -}}
{{- $sum := 0 -}}
{{- if regexMatch "^[0-9]{1,8}(ms|[smhdwMy])?( *[0-9]{1,8}(ms|[smhdwMy])?)*$" $text -}}
{{- range regexFindAll "[0-9]+(ms|[smhdwMy])?" $text -1 -}}
{{- $number := regexFind "^[0-9]+" . -}}
{{- $sum = add $sum (mul (atoi $number) (get $units (trimPrefix $number .))) -}}
{{- end -}}
{{- else -}}
{{- $sum = -1 -}}
{{- end -}}
{{- if or (lt (int64 $sum) 0) (gt (int64 $sum) 2147483647) -}}
{{- fail (printf "controller.config.worker-shutdown-timeout: %q is not a time of at most 24 days such as 240s, 5m or 1h30m" $text) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}
