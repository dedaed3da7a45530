-- Mode task on EC2, with much that there is to say.
local watchbot = require "watchbot"
local ref = watchbot.cf.ref

return watchbot.merge({
  Parameters = {
    Cluster = { Type = "String" }, GitSha = { Type = "String" }, Key = { Type = "String" },
      Bucket = { Type = "String" },
  },
}, watchbot.template {
  mode = "task", prefix = "Tiles", cluster = ref "Cluster", service = "tiles",
    serviceVersion = ref "GitSha",
  watchbotVersion = "v1", watchers = 2, workers = 5, command = { "bash", "-c", "./render" },
    family = "tiles-render",
  env = { Bucket = ref "Bucket", Zoom = 12 },
    secrets = { API_KEY = { secret = ref "Key", key = "password" } },
  permissions = { { Effect = "Allow", Action = { "s3:PutObject" },
    Resource = watchbot.cf.sub "arn:aws:s3:::${Bucket}/*" } },
  reservation = { cpu = 4096, memory = 512, softMemory = 128 },
    mounts = "/root:/mnt/root,/mnt/scratch", privileged = true,
  healthCheck = { command = "test -f /tmp/ok" }, maxJobDuration = 300, messageTimeout = 300,
    messageRetention = 3000,
  deadletterThreshold = 50, alarmOnEachFailure = true,
  placementConstraints = { { type = "memberOf",
    expression = "attribute:ecs.instance-type =~ m7.*" } },
  placementStrategies = { { type = "spread", field = "attribute:ecs.availability-zone" } },
  notificationEmail = "me@example.com", user = true, webhook = true, webhookKey = true,
    reduce = true, dashboard = false,
})
