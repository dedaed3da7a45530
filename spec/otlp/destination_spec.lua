local destination = require "watchbot.otlp.destination"

describe("otlp.destination", function()
  it("names queues and topics as the conventions for messaging do", function()
    assert.are.same({ name = "jobs", system = "aws_sqs", host = "sqs.eu-west-1.amazonaws.com",
      url = "https://sqs.eu-west-1.amazonaws.com/1/jobs", port = 443 },
      destination "https://sqs.eu-west-1.amazonaws.com/1/jobs")
    local found = destination "http://127.0.0.1:4566/1/jobs.fifo"
    assert.are.same({ "jobs.fifo", 4566 }, { found.name, found.port })
    assert.are.same({ name = "tiles", system = "aws.sns" },
      destination "arn:aws-cn:sns:cn-north-1:123456789012:tiles")
    assert.are.same({ name = "jobs.db", system = "watchbot" }, destination "sqlite:/a/b/jobs.db")
  end)
end)
