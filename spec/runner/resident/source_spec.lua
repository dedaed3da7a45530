local source = require "watchbot.runner.resident.source"

describe("the source of a resident program's messages", function()
  -- A watcher that may not ask for the ARN told functions "arn:aws:sqs:us-east-1:..." for queues in
  -- China and GovCloud, and for those at VPC endpoints and legacy hosts of any region.
  for url, arn in pairs {
    ["https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"] =
      "arn:aws:sqs:eu-west-1:123456789012:jobs",
    ["https://sqs.cn-north-1.amazonaws.com.cn/123456789012/jobs"] =
      "arn:aws-cn:sqs:cn-north-1:123456789012:jobs",
    ["https://sqs-fips.us-gov-west-1.api.aws/123456789012/jobs.fifo"] =
      "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:jobs.fifo",
    ["https://vpce-1.sqs.us-east-2.vpce.amazonaws.com/123456789012/jobs"] =
      "arn:aws:sqs:us-east-2:123456789012:jobs",
    ["https://eu-central-1.queue.amazonaws.com/123456789012/jobs/"] =
      "arn:aws:sqs:eu-central-1:123456789012:jobs",
  } do
    it("is " .. arn, function()
      local found = source.of(url)
      assert.are.equal(arn, found.arn)
      local partition, region = arn:match "^arn:([^:]+):sqs:([^:]+)"
      assert.are.equal(partition, found.partition)
      assert.are.equal(region, found.region)
      assert.are.equal("123456789012", found.account)
    end)
  end

  it("is what an ARN says", function()
    local arn = "arn:aws-cn:sqs:cn-northwest-1:123456789012:jobs"
    assert.are.same({
      arn = arn, region = "cn-northwest-1", account = "123456789012", partition = "aws-cn",
    }, source.of(arn))
  end)

  it("is a pseudo ARN for an embedded queue", function()
    assert.matches("^arn:aws[%l-]*:sqs:[%l%d-]+:000000000000:jobs%.db$",
      source.of("sqlite:/var/lib/jobs.db").arn)
  end)
end)
