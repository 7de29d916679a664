"""The event log on Apache Kafka, by aiokafka.

``log`` is the door (``KafkaLog``); ``settings`` reads the URL, ``clients`` makes aiokafka's objects, ``errors`` says
its errors in the words of the bus, ``producer`` appends, ``subscription`` is a group member, ``reading`` follows and
reads outside groups, ``administration`` makes topics and describes groups.
"""
