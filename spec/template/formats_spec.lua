-- Forms that AWS asks of names.

local formats = require "watchbot.template.formats"

describe("the forms of names", function()
  for name, cases in pairs {
    tag = { { "v1", "1.2.3-rc_1", "_a" }, { "", "v 1", "a/b", ".a", ("a"):rep(129) } },
    family = { { "tiles", "a-b_c" }, { "", "a/b", "a.b", "a b" } },
    cluster = {
      { "main", "arn:aws:ecs:eu-west-1:123456789012:cluster/main" },
      { "", "a b", "arn:aws:ecs:cluster/main" },
    },
    image = {
      { "tiles", "tiles:v1", "a/b_c/d.e:1.2-3", "localhost/x", "localhost:5000/x:y",
        "public.ecr.aws/amazonlinux/amazonlinux:2023",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b@sha256:" .. ("0af9"):rep(16),
        "a:1@sha256:" .. ("0"):rep(64) },
      { "", "a b", "Tiles", "Team/tiles:v1", "https://example.com/x", "a//b", "a:", "a:b c", "a@",
        "a:" .. ("t"):rep(129), "a@sha256:12", "a@md5:" .. ("0"):rep(64), "x#y" },
    },
    parameter = {
      { "password", "/a/b.c-d_e", ("/a"):rep(15),
        "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b" },
      { "", "a/b", "/a/", "/a//b", ("/a"):rep(16), "aws-x", "/AWS/x", "ssmx", "/a b",
        "arn:aws:ssm:eu-west-1:1234:parameter/a", "arn:foo:ssm:eu-west-1:123456789012:parameter/a",
        "arn:aws:ssm:eu-west-1:123456789012:parameter/aws/x" },
    },
    secret_or_parameter = {
      { "/a", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf",
        "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a" },
      { "/a/", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a b", "arn:aws:s3:::b" },
    },
    queue = {
      { "arn:aws:sqs:eu-west-1:123456789012:" .. ("q"):rep(80),
        "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:" .. ("q"):rep(75) .. ".fifo" },
      { "arn:aws:sqs:eu-west-1:123456789012:" .. ("q"):rep(81),
        "arn:aws:sqs:eu-west-1:123456789012:" .. ("q"):rep(76) .. ".fifo",
        "arn:aws:sqs:eu-west-1:12345678901:q", "arn:amazon:sqs:eu-west-1:123456789012:q" },
    },
    folder = {
      { "s3://bucket", "s3://my.bucket-1/a/b" },
      { "s3://ab", "s3://a..b/x", "s3://1.2.3.4/x", "s3://xn--abc", "s3://abc-s3alias/x",
        "s3://abc--x-s3", "s3://" .. ("b"):rep(64), "s3://Bucket/x", "bucket/x", "s3://bucket/a b",
        "s3://bucket/a/" },
    },
    action = {
      { "arn:aws:sns:eu-west-1:123456789012:a", "arn:aws:automate:eu-west-1:ec2:stop",
        "arn:aws:lambda:eu-west-1:123456789012:function:f" },
      { "arn:aws:s3:::b", "arn:aws:sqs:eu-west-1:123456789012:q", "a",
        "arn:aws:sns:eu-west-1:123456789012:a.fifo" },
    },
    log_group = { { "/a/b.c#d" }, { "", "a b", "a:b" } },
    namespace = { { "Watchbot", "Mapbox/ecs-watchbot", "a b" }, { "", ":a", "a\n" } },
    email = {
      { "me@example.com", "a.b+c@x-y.example.co" },
      { "", "me", "a b@c", "me@localhost", "a,b@example.com", "a@x..com", "a@.com", ".a@x.com",
        "<a@example.com>" },
    },
    table = {
      { "arn:aws:dynamodb:eu-west-1:123456789012:table/abc" },
      { "arn:aws:dynamodb:eu-west-1:123456789012:table/ab", "abc" },
    },
    topic = {
      { "arn:aws:sns:eu-west-1:123456789012:alarms" },
      { "", "alarms", "arn:aws:sqs:eu-west-1:123456789012:alarms" },
    },
    lambda = { { "arn:aws:lambda:eu-west-1:123456789012:function:a:live" }, { "", "a" } },
    boundary = {
      { "arn:aws:iam::aws:policy/A", "arn:aws:iam::123456789012:policy/a/b" },
      { "", "A", "arn:aws:iam::12345:policy/a", "arn:aws:iam::123456789012:role/a" },
    },
  } do
    it("know " .. name, function()
      for _, good in ipairs(cases[1]) do assert.is_true((formats[name].check(good)), good) end
      for _, bad in ipairs(cases[2]) do
        local ok, err = formats[name].check(bad)
        assert.is_false(ok, bad)
        assert.matches("^expected .* got .* %(https://docs%.aws%.amazon%.com/", err)
      end
      assert.is_false((formats[name].check {}))
    end)
  end
end)
