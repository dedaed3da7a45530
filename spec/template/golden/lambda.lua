-- Mode process with a Lambda function's image as it is: watchbot is a second container.
local watchbot = require "watchbot"

return watchbot.template {
  mode = "process", cluster = "main", service = "thumbnails",
  lambda = { image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/thumbnails:3",
    handler = "app.handler", batch = 10 },
  capacity = "FARGATE", fargateSubnets = { "subnet-0123456789abcdef0" },
  reservation = { cpu = 512, memory = 1024 }, maxScalingCapacity = 10, maxJobDuration = 900,
  env = { BUCKET = "tiles" }, secrets = { TOKEN = { parameter = "/thumbnails/token" } },
  notificationEmail = "me@example.com",
}
