-- One database for each service, as the profile `cluster` of docker-compose.yml names them.
create database catalog;
create database orders;
create database deliveries;
create database gateway;
create database payments;
