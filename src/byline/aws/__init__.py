"""Lambda handlers: ``byline.aws.processor.handler`` on the queue, ``byline.aws.query.handler`` behind API Gateway,
``byline.aws.admin.handler`` on a schedule and on demand. Each is thin: what it does is Byline's, as on a laptop."""
