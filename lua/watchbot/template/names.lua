--- template.names: names and ARNs that more than one part needs.

local cf = require "watchbot.template.cf"
local pieces = require "watchbot.template.pieces"

local names = {}

local function in_ecr(repository, tag)
  return pieces.concat(cf.sub "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/",
    repository, ":", tag)
end

--- The service's image.
---@param options watchbot.template.Options
---@return any
function names.image(options)
  return options.lambda and options.lambda.image or options.image
    or in_ecr(options.service, options.serviceVersion)
end

--- The image of the watchers, in mode "task".
---@param options watchbot.template.Options
---@return any
function names.watcher_image(options)
  return options.watchbotImage or in_ecr("watchbot", options.watchbotVersion)
end

--- The family of the task definition that does the work.
---@param options watchbot.template.Options
---@return any
function names.family(options)
  return options.family or cf.sub("${AWS::StackName}-" .. options.prefix)
end

--- A service's name as part of a container's name, which has letters, digits, hyphens and
--- underscores.
---@param service any
---@return any
function names.plain(service)
  return cf.is(service) and service or (service:gsub("[^%w_-]", "-"))
end

--- The container that gets the message.
---@param options watchbot.template.Options
---@return any
function names.container(options)
  return pieces.concat(options.prefix, "-worker-", names.plain(options.service))
end

--- The name of a queue or topic of the template, as text for Fn::Sub.
---@param options watchbot.template.Options
---@param name string "Queue"
---@return string
function names.of_queue(options, name)
  return "${AWS::StackName}-" .. options.prefix .. name .. (options.fifo and ".fifo" or "")
end

--- An ARN of the stack's own account and region.
---@param service string "ecs"
---@param ... any pieces of what names the resource
---@return any
function names.arn(service, ...)
  return pieces.concat(cf.sub("arn:${AWS::Partition}:" .. service
    .. ":${AWS::Region}:${AWS::AccountId}:"), ...)
end

--- The possible ARNs of a cluster: whether an intrinsic is a name or an ARN is only known when the
--- stack is created.
---@param cluster any
---@return any[]
function names.cluster_arns(cluster)
  local made = names.arn("ecs", "cluster/", cluster)
  if cf.is(cluster) then return { cluster, made } end
  return { cluster:match "^arn:" and cluster or made }
end

return names
