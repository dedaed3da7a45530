--- cli.project.stack: the CloudFormation stack of a new project.

local first = [==[
-- The stack of @NAME@: `watchbot template stack.lua` prints its CloudFormation template.
-- `watchbot help template` lists all options.

local watchbot = require "watchbot"
local ref, sub = watchbot.cf.ref, watchbot.cf.sub

local mine = {
  Parameters = {
    GitSha = { Type = "String", Description = "tag of the images" },
    Cluster = { Type = "String", Description = "ARN of the ECS cluster" },
    AlarmEmail = { Type = "String", Description = "receives notifications of failures" },
  },
}

local function image(name)
  return sub("${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/" .. name .. ":${GitSha}")
end

local watcher = watchbot.template {
]==]

local last = [==[
  notificationEmail = ref "AlarmEmail",
}

return watchbot.merge(mine, watcher)
]==]

return {
  path = "stack.lua",

  process = first .. [==[
  mode = "process",               -- each container runs `watchbot run` and its processes
  cluster = ref "Cluster",
  service = "@NAME@",
  image = image "@NAME@",
  policy = "/app/policy.lua",     -- where the Dockerfile puts it
  workers = 1,
  maxScalingCapacity = 4,
  reservation = { memory = 512 },
]==] .. last,

  task = first .. [==[
  mode = "task",                  -- a watcher starts an ECS task for each message
  cluster = ref "Cluster",
  service = "@NAME@",
  image = image "@NAME@",
  watchbotImage = image "@NAME@-watcher",
  policy = "/app/policy.lua",     -- where the Dockerfile puts it
  workers = 4,
  reservation = { memory = 512 },
]==] .. last,
}
